"""A table of HTML that scrolls by itself where the window is too narrow for it, by keyboard too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def scrolled_table(name: str, headings: Sequence[str], rows: str) -> str:
    """The table.

    Args:
        name: what screen readers call it, as plain text.
        headings: of its columns, as plain text.
        rows: its rows, as HTML.
    """
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(name)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
