"""Damage for tests: JSON made hostile and bytes changed, the same for the same seed; files changed unseen."""

from __future__ import annotations

import copy
import json
import os
import random
from pathlib import Path
from typing import Any

HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 10**6, 2**31, 2**63, 10**30, -(10**18), 0.5, 1e-300, 1e300),
    *(
        float("nan"),
        float("inf"),
        "",
        "a",
        "..",
        "../../x",
        "/etc/passwd",
        "a\0b",
        "\ud800",
        "<b>",
        "{name}",
        "x" * 5_000,
    ),
    *([], {}, [[]], {"": None}, [1, 2, 3], ["a"] * 300, {"a": {"b": [{}]}}),
)
DEEP = "deep as no reader can bear"


def hurt_json(value: Any, chance: random.Random) -> str:
    """The JSON of `value` with up to three parts of it exchanged, removed, moved, renamed or nested without end."""
    hurt = [copy.deepcopy(value)]
    for _ in range(chance.choice((1, 1, 2, 3))):
        holder, key = chance.choice(_parts(hurt))
        match chance.randrange(8):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[str(chance.choice(HOSTILE))[:50]] = holder.pop(key)
            case 2:
                other, name = chance.choice(_parts(hurt))
                holder[key] = copy.deepcopy(other[name])
            case 3 if chance.randrange(4) == 0:
                holder[key] = DEEP
            case _:
                holder[key] = copy.deepcopy(chance.choice(HOSTILE))
    return json.dumps(hurt[0]).replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000)


def _parts(value: Any) -> list[tuple[Any, Any]]:
    """Every part of a value, as what holds it and the key that it has there."""
    parts = []
    for key in range(len(value)) if isinstance(value, list) else list(value):
        parts.append((value, key))
        if isinstance(value[key], list | dict) and len(value[key]) < 100:
            parts += _parts(value[key])
    return parts


def hurt_bytes(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, removed or put in, most of them near the beginning; or the end cut off."""
    hurt = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(min(len(hurt), chance.choice((300, 3_000, len(hurt)))) or 1)
        hurt[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    return bytes(hurt[: chance.randrange(len(hurt)) if chance.randrange(10) == 0 else len(hurt)])


def flip_in_the_midst(path: Path, count: int = 2) -> None:
    """A few bytes in the middle of a file are turned over; its size and its time of change stay."""
    status, data = path.stat(), bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + count] = bytes(byte ^ 0xFF for byte in data[middle : middle + count])
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
