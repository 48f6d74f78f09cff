"""A figure as HTML: a picture or a table, and a caption below it. What is not markup is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 360
"""Of every picture, in pixels: what a telephone shows without shrinking it."""


def figure(content: str, *sentences: str, title: str = "") -> str:
    """A picture or a table with the title and the sentences of its caption."""
    bold = f"<b>{escape(title)}</b> " if title else ""
    return f"<figure>{content}<figcaption>{bold}{escape(paragraph(sentences))}</figcaption></figure>"


def paragraph(sentences: Sequence[str]) -> str:
    """Sentences one after the other, with a space between those of a language that has one there."""
    return "".join(one if one.endswith("。") else f"{one} " for one in sentences).rstrip()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is wider than its place; the first cell of each row is its heading."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'
        for first, *others in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
