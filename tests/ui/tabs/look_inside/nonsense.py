"""What a browser may send instead of what was clicked."""

from __future__ import annotations

NONSENSE: list[object] = [
    None,
    [],
    "x",
    {},
    {"name": 7},
    {"name": "stage9"},
    {"name": "-1"},
    {"name": "9" * 40},
    {"name": "²"},
]
