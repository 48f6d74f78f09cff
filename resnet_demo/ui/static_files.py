"""Our CSS, HTML and scripts in `static/`, as text."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).with_name("static")


def static(*names: str) -> str:
    """These files as one text."""
    return "".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def reveal(selector: str, share: float = 1.0, wait_ms: int = 0) -> str:
    """A listener's script that scrolls to an element whose top lies above the window or below this share of it."""
    function = "".join(line for line in static("reveal.js").splitlines(keepends=True) if not line.startswith("//"))
    return f"() => {{ ({function})({json.dumps(selector)}, {share}, {wait_ms}); return []; }}"
