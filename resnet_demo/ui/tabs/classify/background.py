"""An iterator worked off in a thread of its own, so that the one who waits for it can tell how far it is."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

AHEAD = 32
"""Items made before they are asked for; then the thread waits."""
SECONDS_TO_NOTICE = 0.2
"""How long the thread of an iterator that nobody wants any more may wait before it notices."""

Item = TypeVar("Item")


def in_background(make: Callable[[], Iterator[Item]], seconds: float) -> Generator[Item | None]:
    """The items of `make()`, as they come; None whenever none has come for so many seconds.

    What the iterator raises is raised here. Where this generator is closed, the iterator is closed at its next item.
    """
    made: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(AHEAD)
    wanted = threading.Event()
    wanted.set()
    context = contextvars.copy_context()

    def give(kind: str, value: Item | BaseException | None) -> None:
        while wanted.is_set():
            try:
                made.put((kind, value), timeout=SECONDS_TO_NOTICE)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            items = make()
            try:
                for item in items:
                    give("item", item)
                    if not wanted.is_set():
                        return
            finally:
                close = getattr(items, "close", None)
                if close is not None:
                    close()
        except BaseException as error:  # to the one who waits, whatever it is
            give("error", error)
        else:
            give("end", None)

    threading.Thread(target=context.run, args=(work,), name="classify", daemon=True).start()
    try:
        while True:
            try:
                kind, value = made.get(timeout=seconds)
            except queue.Empty:
                yield None
                continue
            if kind == "end":
                return
            if isinstance(value, BaseException):
                raise value
            yield value
    finally:
        wanted.clear()
