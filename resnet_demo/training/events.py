"""An event of a run: one line of JSON, small whatever text or numbers it is made from."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

Event = dict[str, Any]

MOST_CHARACTERS = 4_096
"""Of one value of an event."""
MOST_VALUES = 1_000
"""Of one list or mapping of an event."""
MOST_VALUE_BYTES = 50_000
"""Of one value of an event, as JSON; a larger one is left out."""


def new_event(kind: str, fields: Mapping[str, Any]) -> Event:
    """An event of this moment; text that is long beyond reason is cut, and what is large all the same is left out."""
    event: Event = {"t": round(time.time(), 3), "kind": kind}
    for name, value in fields.items():
        bounded = _bounded(value)
        if len(json.dumps(bounded)) <= MOST_VALUE_BYTES:
            event[name] = bounded
    return event


def parsed(line: bytes) -> Event | None:
    """The event in a line; None where it is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and isinstance(event.get("kind"), str) and isinstance(event.get("t"), int | float)
    return event if whole else None


def _bounded(value: Any) -> Any:
    """A value as an event may hold it: text and lists that are not long beyond reason, numbers that JSON has."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return f"{value[:MOST_CHARACTERS]}…"
    if isinstance(value, Mapping):
        return {_bounded(name): _bounded(one) for name, one in islice(value.items(), MOST_VALUES)}
    if isinstance(value, list | tuple):
        return [_bounded(one) for one in value[:MOST_VALUES]]
    return value
