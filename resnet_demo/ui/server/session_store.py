"""What the server keeps of each visitor: little, for a bounded number of visitors, and not for long after one left.

Gradio 6.31 keeps 10,000 sessions until it ends. Each has a description of every component, which only deep links read,
and a component of its own for whatever an event has updated: half a megabyte and more for every visit. Here a session
has no descriptions, visitors whose components are alike share them, and a session goes soon after its page has closed.
"""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections import ChainMap, Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import gradio as gr
from gradio import route_utils, routes
from gradio.blocks import BlocksConfig
from gradio.components import State
from gradio.state_holder import SessionState, StateHolder

from resnet_demo.settings import Settings

MOST_SESSIONS = 2_000
MOST_DISCONNECTED = 200
"""Sessions whose page is not open: programs that open none, visitors who make up names, and visitors who just left."""
LOCAL_SECONDS = 3_600.0
"""How long a page's own user may be away, with a closed lid or a lost connection, and find things as they were."""
PUBLIC_SECONDS = 120.0
VARIANTS = 16
"""Forms of a component that are shared: one for each language, and the newest others."""
SWEEP_SECONDS = 5.0

log = logging.getLogger(__name__)


class SharedComponents:
    """Components that several sessions have updated in the same way; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[int, deque[Any]] = {}

    def same_as(self, number: int, component: Any) -> Any:
        """One made with the same arguments for the component of this number, if there is any; or else this one."""
        with self._lock:
            made = self._made.setdefault(number, deque(maxlen=VARIANTS))
            for one in made:
                if _alike(one, component):
                    return one
            made.append(component)
        return component


def _alike(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one.constructor_args == other.constructor_args)
    except (TypeError, ValueError):  # arrays, which do not say yes or no
        return False


class VisitorState(SessionState):  # type: ignore[misc]
    """A session without descriptions of its components; it has those of the page until an event updates one."""

    def __init__(self, blocks: gr.Blocks, shared: SharedComponents) -> None:
        whole = blocks.default_config
        config = BlocksConfig(whole.root_block)
        config.fns, config.renderables, config.fn_id = whole.fns, whole.renderables, whole.fn_id
        config.blocks = cast(dict[int, Any], ChainMap({}, whole.blocks))
        self.blocks_config = config
        self.config_values: dict[int, dict[str, Any]] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = int(LOCAL_SECONDS)
        self._shared = shared

    def __setitem__(self, key: int, value: Any) -> None:
        """Keep the value of a gr.State, or a component that was updated."""
        if isinstance(self.blocks_config.blocks.get(key), State):
            super().__setitem__(key, value)
            self.config_values.clear()
        else:
            self.blocks_config.blocks[key] = self._shared.same_as(key, value)

    def _update_config(self, key: int) -> None:
        """Gradio describes the component anew here."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Gradio keeps the newest value here, a whole gallery or table."""


class Sessions(StateHolder):  # type: ignore[misc]
    """The sessions of a page, instead of Gradio's own holder.

    A session is connected as long as its page is open, which then keeps a heartbeat; connected ones are dropped only
    where there are more than `MOST_SESSIONS`. Others are dropped when nothing was asked for in `disconnected_seconds`,
    or when there are more than `MOST_DISCONNECTED`.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.disconnected_seconds = LOCAL_SECONDS if settings.local_paths_allowed else PUBLIC_SECONDS
        self.when_dropped: list[Callable[[str], None]] = []
        self.in_use: Callable[[str], bool] = lambda _: False  # whether an event of a session waits or runs
        self._clock = clock
        self._shared = SharedComponents()
        self._used: dict[str, float] = {}
        self._connected: Counter[str] = Counter()
        self._swept = clock()

    def set_blocks(self, blocks: gr.Blocks) -> None:
        """Hold the sessions of this page."""
        super().set_blocks(blocks)
        self.capacity = MOST_SESSIONS

    def __getitem__(self, session: str) -> SessionState:
        """The session of this name, a new one if there is none."""
        with self.lock:
            state = self.session_data.get(session)
            if state is None:
                state = self.session_data[session] = VisitorState(self.blocks, self._shared)
            self.session_data.move_to_end(session)
            self._used[session] = self._clock()
        if len(self.session_data) - len(self._connected) > MOST_DISCONNECTED or len(self.session_data) > self.capacity:
            self._drop_surplus()
        return state

    def update(self, session: str) -> None:
        """All of it is done where a session is looked up."""

    @contextmanager
    def connected(self, session: str) -> Iterator[None]:
        """For as long as a page of this session is open."""
        with self.lock:
            self._connected[session] += 1
        try:
            yield
        finally:
            with self.lock:
                self._connected[session] -= 1
                if not self._connected[session]:
                    del self._connected[session]
                if session in self._used:
                    self._used[session] = self._clock()

    def is_connected(self, session: str) -> bool:
        """Whether a page of this session is open."""
        return session in self._connected

    def delete_all_expired_state(self) -> None:
        """Gradio asks for it every second."""
        now = self._clock()
        if now - self._swept < min(SWEEP_SECONDS, self.disconnected_seconds):
            return
        self._swept = now
        for session in list(self.session_data):
            state = self.session_data.get(session)
            if state is not None:  # Gradio never takes back that a page was closed, though it may have come again
                state.is_closed = not self.is_connected(session)
        super().delete_all_expired_state()
        with self.lock:
            old = [
                session
                for session, used in self._used.items()
                if session not in self._connected and now - used > self.disconnected_seconds
            ]
        for session in old:
            if not self.in_use(session):
                self.drop(session)

    def _drop_surplus(self) -> None:
        """The ones that were used the longest ago, those that are not connected first."""
        with self.lock:
            disconnected = [session for session in self.session_data if session not in self._connected]
            surplus = disconnected[: max(len(disconnected) - MOST_DISCONNECTED, 0)]
            over = len(self.session_data) - len(surplus) - self.capacity
            if over > 0:
                left = [*disconnected[len(surplus) :], *(name for name in self.session_data if name in self._connected)]
                surplus += left[:over]
        for session in surplus:
            if not self.in_use(session):
                self.drop(session)

    def drop(self, session: str) -> None:
        """Forget a session, and give back what its states hold outside of memory."""
        with self.lock:
            state = self.session_data.pop(session, None)
            self._used.pop(session, None)
        if state is not None:
            for component, value, _ in list(state.state_components):
                try:
                    component.delete_callback(value)
                except Exception:
                    log.exception("What a session held cannot be given back")
        for tell in self.when_dropped:
            tell(session)


def check_gradio() -> None:
    """Check that this Gradio keeps sessions in the way that is replaced here.

    Raises:
        RuntimeError: it does not.
    """
    kept = {"blocks_config", "config_values", "state_data", "_state_ttl", "is_closed", "STATE_TTL_WHEN_CLOSED"}
    holder = {"__getitem__", "__contains__", "update", "set_blocks", "delete_all_expired_state", "delete_state"}
    if (
        not kept <= set(SessionState.__init__.__code__.co_names)
        or not holder <= set(vars(StateHolder))
        or list(inspect.signature(SessionState._update_value_in_config).parameters) != ["self", "key", "value"]
        or "state_holder" not in routes.App.__init__.__code__.co_names
        or "SessionState" not in route_utils.restore_session_state.__code__.co_names
    ):
        raise RuntimeError(f"gradio {gr.__version__} keeps sessions in another way: they cannot be bounded")


def keep(demo: gr.Blocks, sessions: Sessions) -> None:
    """Have a page that was launched keep its sessions there."""
    sessions.set_blocks(demo)
    demo.app.state_holder = sessions
    # For a request that names no session Gradio makes one of its own.
    setattr(route_utils, "SessionState", partial(VisitorState, shared=SharedComponents()))  # noqa: B010
