"""Fair queue: visitors take turns, so that many events of one visitor do not keep others waiting.

Gradio 6.31 has one queue, first come, first served, with so many places for all. Here each address takes a turn, and
within it each open page; an address has a part of the places, and where all are taken, whoever has the most gives one.
A generator gives up its place after each result where others wait, and goes on when it is its turn again.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import fastapi
import gradio as gr
from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage, ProcessCompletedMessage, ProcessGeneratingMessage
from gradio.utils import error_payload

from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.errors import VisitorError
from resnet_demo.ui.security.visitor_limits import visitor_of
from resnet_demo.ui.server import time_limit
from resnet_demo.ui.server.time_limit import TimeLimit
from resnet_demo.ui.visitor_language import visitor_language

MOST_WAITING = 64
MOST_OF_ADDRESS = 32
"""Events that wait or run; a class may sit behind one address."""
MOST_OF_SESSION = 8
LONGER = {"photos": 15, "results": 15, "measure": 9}
"""Queues of work that takes long for one visitor: so many times the usual time."""
LONGER_FOR_GENERATORS = 6
"""Generators: they give up their place between results, so that others do not wait for them."""
MOST_PAUSED = 8
"""Events that have begun and gave up their place; each keeps some photos in memory."""
MOST_UNREAD = 200
"""Messages that a page has not fetched; of those behind them only answers are kept."""
MOST_REMEMBERED = 4_096
"""Visitors of whom it is known when they had their last turn."""
TOO_MANY_REQUESTS = 429

Waiting = TypeVar("Waiting")


@dataclass(frozen=True)
class EventOwner:
    """The visitor an event belongs to."""

    address: Hashable
    session: Hashable


def fair_order(
    waiting: Sequence[Waiting],
    owner: Callable[[Waiting], EventOwner],
    running: Iterable[EventOwner] = (),
    last_turn: Mapping[Hashable, int] | None = None,
) -> list[Waiting]:
    """The events in the order in which they are served.

    In each round every address has one event, and so, within an address, has every session. What is running counts as
    an earlier round. Within a round, whoever had the last turn longest ago comes first, then who came first.

    Args:
        waiting: in the order in which they came.
        running: those whose events are being worked on.
        last_turn: of addresses and of askers, the number of their last turn; 0 where absent.
    """
    running, last = list(running), last_turn or {}
    owners = [owner(event) for event in waiting]
    rounds_of_session, rounds_of_address = Counter(running), Counter(one.address for one in running)
    by_session = []
    for number, one in enumerate(owners):
        by_session.append((rounds_of_session[one], last.get(one, 0), number))
        rounds_of_session[one] += 1
    by_address = []
    for _, _, number in sorted(by_session):
        address = owners[number].address
        by_address.append((rounds_of_address[address], last.get(address, 0), number))
        rounds_of_address[address] += 1
    return [waiting[number] for _, _, number in sorted(by_address)]


class FairQueue(Queue):  # type: ignore[misc]
    """Gradio's queue with fair turns, bounds on who may wait, and time limits."""

    def __init__(self, blocks: gr.Blocks, settings: Settings) -> None:
        super().__init__(
            live_updates=True,
            concurrency_count=blocks.max_threads,
            update_intervals=1,
            max_size=MOST_WAITING,
            blocks=blocks,
        )
        self.shared = settings.public
        self.seconds = settings.max_event_seconds
        self.ANALYTICS_MAX_EVENTS = 1
        self._turn = 0
        self._paused: dict[Event, asyncio.Future[None]] = {}
        self._last_turn: OrderedDict[Hashable, int] = OrderedDict()

    def compute_analytics_summary(self, records: object) -> dict[str, Any]:  # noqa: ARG002
        """Gradio reckons the statistics of all events after each one, for a page that is switched off here."""
        return {}

    # Who may wait

    async def push(self, body: Any, request: fastapi.Request, username: str | None) -> Any:
        """Take in an event.

        Raises:
            HTTPException: this visitor has too many, or all have; with a sentence that the page shows.
        """
        owner = EventOwner(visitor_of(request), body.session_hash)
        held = [owner_of(event) for event in self.event_ids_to_events.values()]
        if self.shared:
            of_session, of_address = held.count(owner), sum(one.address == owner.address for one in held)
            if of_session >= MOST_OF_SESSION or of_address >= MOST_OF_ADDRESS:
                raise _refused("limits.too_many", request)
        if len(self) >= MOST_WAITING and not self._free_place_for(owner):
            raise _refused("limits.full", request)
        return await super().push(body, request, username)

    def _free_place_for(self, owner: EventOwner) -> bool:
        """Take a place from the address that has the most, if it has at least two more than this one."""
        waiting = [event for event_queue in self.event_queue_per_concurrency_id.values() for event in event_queue.queue]
        places = Counter(owner_of(event).address for event in waiting)
        [(most, count)] = places.most_common(1)
        if not self.shared or count < places[owner.address] + 2:
            return False
        last = max((event for event in waiting if owner_of(event).address == most), key=lambda one: one.enqueue_time)
        self.event_queue_per_concurrency_id[last.concurrency_id].queue.remove(last)
        self.event_ids_to_events.pop(last._id, None)
        error = error_payload(VisitorError(_sentence("limits.gave_way", last.request)), False)
        self.send_message(last, ProcessCompletedMessage(output=error, success=False))
        return True

    # Whose turn it is

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The next event that may run, the batch it is in, which is itself, and its queue's name."""
        jobs = [event for job in self.active_jobs if job for event in job if event not in self._paused]
        event_queues = list(self.event_queue_per_concurrency_id.items())
        self._turn += 1
        first = self._turn % max(1, len(event_queues))
        for name, event_queue in event_queues[first:] + event_queues[:first]:
            limit = event_queue.concurrency_limit
            paused = [event for event in self._paused if event.concurrency_id == name]
            if not (event_queue.queue or paused) or (limit is not None and event_queue.current_concurrency >= limit):
                continue
            running = [owner_of(event) for event in jobs if event.concurrency_id == name]
            waiting = fair_order([*event_queue.queue, *paused], owner_of, running, self._last_turn)
            event_queue.queue[:] = [event for event in waiting if event not in self._paused]
            event = next((event for event in waiting if self._may_run(event, running, limit)), None)
            if event is None:
                continue
            self._remember(owner_of(event))
            if event in self._paused:
                self._paused.pop(event).set_result(None)
                event_queue.current_concurrency += 1
                return None
            event_queue.queue.remove(event)
            return [event], event.fn.batch, name
        return None

    async def give_way(self, event_id: str | None) -> None:
        """To be awaited between two results of an event: give up its place as long as it is another's turn."""
        event = self.event_ids_to_events.get(event_id) if event_id else None
        if event is None or len(self._paused) >= MOST_PAUSED:
            return
        event_queue = self.event_queue_per_concurrency_id[event.concurrency_id]
        others = [
            *event_queue.queue,
            *(other for other in self._paused if other.concurrency_id == event.concurrency_id),
        ]
        if all(owner_of(other) == owner_of(event) for other in others):
            return
        turn = self._paused[event] = asyncio.get_running_loop().create_future()
        event_queue.current_concurrency -= 1
        try:
            await turn
        finally:
            if (
                self._paused.pop(event, None) is not None
            ):  # ended before its turn came: Gradio takes it for a running one
                event_queue.current_concurrency += 1

    def __len__(self) -> int:
        """How many wait; Gradio looks for the next only where there are any."""
        return int(super().__len__()) + len(self._paused)

    def _may_run(self, event: Event, running: Sequence[EventOwner], limit: int | None) -> bool:
        """Where several may run together, visitors of one address leave one place to others."""
        if not self.shared or limit is None or limit < 2:
            return True
        return sum(one.address == owner_of(event).address for one in running) < limit - 1

    def _remember(self, owner: EventOwner) -> None:
        for one in (owner.address, owner):
            self._last_turn[one] = self._turn
            self._last_turn.move_to_end(one)
        while len(self._last_turn) > MOST_REMEMBERED:
            self._last_turn.popitem(last=False)

    # How long it takes

    async def process_events(self, events: list[Event], batch: bool, begin_time: float, fn: Any) -> None:
        """Work on an event within its time."""
        event, event_queue = events[0], self.event_queue_per_concurrency_id[events[0].concurrency_id]
        address = owner_of(event).address
        usual = LONGER_FOR_GENERATORS if inspect.isgeneratorfunction(fn.fn) else 1
        seconds = None if self.seconds is None else self.seconds * LONGER.get(event.concurrency_id, usual)

        def others_wait() -> bool:
            return any(owner_of(other).address != address for other in tuple(event_queue.queue))

        time_limit.begin(TimeLimit(seconds, others_wait, lambda: event.alive, started=time.monotonic()))
        await super().process_events(events, batch, begin_time, fn)

    def set_progress(self, event_id: str, iterables: Any) -> None:
        """Tell how far an event is, from the thread that works on it; which ends here if it has to."""
        time_limit.go_on()
        super().set_progress(event_id, iterables)

    # What is kept

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Keep a message until its page fetches it."""
        messages = self.pending_messages_per_session.get(event.session_hash)
        if messages is None:
            return
        if messages.qsize() >= MOST_UNREAD and not isinstance(event_message, ProcessCompletedMessage):
            if isinstance(event_message, ProcessGeneratingMessage):
                event.alive = False
            return
        super().send_message(event, event_message)

    def is_in_use(self, session: str) -> bool:
        """Whether an event of this session waits or runs."""
        return any(event.session_hash == session for event in tuple(self.event_ids_to_events.values()))

    def forget(self, session: str) -> None:
        """Keep nothing for a session that is no more."""
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)


def give_way_between_results(demo: gr.Blocks, queue: FairQueue) -> None:
    """Have generators of `demo` give up their place after each result where it is another's turn."""
    call = demo.call_function

    async def called(block_fn: Any, inputs: Any, iterator: Any = None, *rest: Any, **options: Any) -> Any:
        if iterator is not None:
            await queue.give_way(options.get("event_id", rest[1] if len(rest) > 1 else None))
        return await call(block_fn, inputs, iterator, *rest, **options)

    demo.call_function = called


def owner_of(event: Event) -> EventOwner:
    """The visitor an event belongs to."""
    return EventOwner(visitor_of(event.request), event.session_hash)


def _sentence(key: str, request: fastapi.Request) -> str:
    return text(key, visitor_language(request.headers))


def _refused(key: str, request: fastapi.Request) -> fastapi.HTTPException:
    # Not 503: the page would say a sentence of its own, in English.
    return fastapi.HTTPException(TOO_MANY_REQUESTS, _sentence(key, request))


def check_gradio() -> None:
    """Check that this Gradio's queue works in the way that is changed here.

    Raises:
        RuntimeError: it does not.
    """
    expected = {
        "push": ["self", "body", "request", "username"],
        "get_events": ["self"],
        "process_events": ["self", "events", "batch", "begin_time", "fn"],
        "send_message": ["self", "event", "event_message"],
        "set_progress": ["self", "event_id", "iterables"],
        "compute_analytics_summary": ["self", "records"],
    }
    found = {
        name: list(inspect.signature(getattr(Queue, name)).parameters) for name in expected if hasattr(Queue, name)
    }
    used = {
        "push": {"event_ids_to_events", "pending_messages_per_session", "ANALYTICS_MAX_EVENTS"},
        "start_processing": {"get_events", "active_jobs", "process_events"},
        "process_events": {"compute_analytics_summary", "event_ids_to_events", "alive", "send_message"},
    }
    missing = [name for name, names in used.items() if not names <= set(getattr(Queue, name).__code__.co_names)]
    call = list(inspect.signature(gr.Blocks.call_function).parameters)[1:6]
    if found != expected or missing or call != ["block_fn", "processed_input", "iterator", "requests", "event_id"]:
        raise RuntimeError(f"gradio {gr.__version__} has another queue: turns cannot be taken fairly")
