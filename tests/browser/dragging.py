"""Files of the desktop, dragged onto a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def drop(page: Any, onto: str, *paths: Path) -> None:
    """Hold files over a place and let go once it shows that it takes them: until a page is laid out, places move."""
    place = page.locator(onto)
    place.wait_for()
    session = page.context.new_cdp_session(page)

    def tell(kind: str) -> None:
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 20}
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        session.send("Input.dispatchDragEvent", {"type": kind, **point, "data": data})

    while not place.evaluate("place => place.closest('.over') !== null"):
        tell("dragEnter")
        tell("dragOver")
        page.wait_for_timeout(50)
    tell("drop")
