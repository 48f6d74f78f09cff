"""The diagram of a network: stem, stages, blocks and head; parts can be selected, removed blocks are crossed out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_demo.plots.curves import COLOURS
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, QUIET, choosable, element, label, picture
from resnet_demo.texts import text

HIGH, GAP, ARC, ROW = 26, 8, 7, 43
"""The height of a block, the gap between two, the height of a shortcut's arc, and the height of a row."""
NARROWEST, WIDEST = 24, 72
"""Limits of a block's width; a touch target needs 24 pixels."""
NAMES = 92
"""The width of the column with the stages' names."""
FIRST = NAMES + GAP
"""The x position where rows of blocks begin."""
MIDDLE = ARC + 2 + HIGH / 2
"""From the top of a row to the middle of its blocks."""
CHOSEN = COLOURS[0]

Shortcut = Literal["same", "reshaped", "none"]


@dataclass(frozen=True)
class BlockShape:
    """A block: channels and side in pixels of its output, and its shortcut: identity, changing the shape, or none."""

    name: str
    channels: int
    side: int
    shortcut: Shortcut


@dataclass(frozen=True)
class Architecture:
    """A network with an input of `side` x `side` pixels; `stem` are the channels and the side of the stem's output."""

    name: str
    side: int
    stem: tuple[int, int]
    stages: Mapping[str, Sequence[BlockShape]]
    classes: int


def network(
    architecture: Architecture,
    language: str,
    *,
    selected: str | None = None,
    removed: Collection[str] = (),
    width: float = 360,
) -> str:
    """The network from top to bottom; a stage takes as many rows as its blocks need.

    The stem, each stage and each block is an element reachable by keyboard, with its name as `data-name`.

    Args:
        architecture: as `explain.architecture` makes it.
        language: of the labels.
        selected: the selected part: `stem`, a stage or a block.
        removed: names of the removed blocks.
    """
    in_a_row, wide = _fit(architecture, width)
    y = float(FONT_SIZE)
    drawn = [label(text("plots.network.image", language), 0, y), _size(3, architecture.side, NAMES, y)]
    y += FONT_SIZE
    drawn.append(_part("stem", text("plots.network.stem", language), *architecture.stem, y, selected == "stem"))
    drawn.append(_bar(text("plots.network.stem_layers", language), y, width))
    y += ROW
    for name, blocks in architecture.stages.items():
        words = text("plots.network.stage", language, number=name.removeprefix("stage"))
        drawn.append(_part(name, words, blocks[-1].channels, blocks[-1].side, y, selected == name))
        for start in range(0, len(blocks), in_a_row):
            drawn.append(_lead(y, first=start == 0))
            for column, block in enumerate(blocks[start : start + in_a_row]):
                place = _Place(FIRST + column * (wide + GAP), y, wide)
                drawn.append(_block(block, place, language, block.name == selected, block.name in removed))
            y += ROW
    drawn.append(label(text("plots.network.head", language), 0, y + MIDDLE + 4))
    drawn.append(_bar(text("plots.network.classes", language, count=architecture.classes), y, width))
    words, height = legend("", _legend(architecture, bool(removed), language), y + ROW + 4, width)
    blocks_in_all = sum(map(len, architecture.stages.values()))
    alt_text = text(
        "plots.network.alt", language, name=architecture.name, stages=len(architecture.stages), blocks=blocks_in_all
    )
    return picture(width, height, "".join(drawn) + words, alt_text, role="group")


@dataclass(frozen=True)
class _Place:
    """A block's left side, its row's top, and how wide it is."""

    x: float
    y: float
    wide: float

    @property
    def top(self) -> float:
        return self.y + ARC + 2


def _fit(architecture: Architecture, width: float) -> tuple[int, float]:
    """How many blocks to put in a row, and how wide to draw them."""
    longest = max(map(len, architecture.stages.values()))
    free_width = width - 1 - FIRST + GAP / 2
    rows = -(-longest // max(1, int(free_width // (NARROWEST + GAP))))
    in_a_row = -(-longest // rows)  # so that the last row is not much shorter than the others
    return in_a_row, min(WIDEST, free_width / in_a_row - GAP)


def _size(channels: int, side: int, x: float, y: float) -> str:
    return label(f"{channels}×{side}×{side}", x, y, opacity=QUIET)


def _part(name: str, words: str, channels: int, side: int, y: float, chosen: bool) -> str:
    """The stem or a stage on the left: its name and its output size."""
    middle = y + MIDDLE
    content = element("rect", x=1.5, y=middle - 17, width=NAMES - 8, height=34, rx=4, **_frame(chosen))
    content += label(words, 7, middle - 3, font_weight=600) + _size(channels, side, 7, middle + FONT_SIZE)
    return choosable(name, f"{words}, {channels}×{side}×{side}", content, chosen=chosen)


def _frame(chosen: bool) -> dict[str, str | float]:
    """The frame of a part, thick if it is selected."""
    stroke, thick, opacity = (CHOSEN, 3, 1.0) if chosen else ("currentColor", 1, 0.3)
    return {"fill": "transparent", "stroke": stroke, "stroke_width": thick, "stroke_opacity": opacity}


def _bar(words: str, y: float, width: float) -> str:
    """A part drawn as a single bar, with its operation."""
    middle, left = y + MIDDLE, FIRST
    box = element("rect", x=left, y=middle - 13, width=width - left - 1, height=26, rx=4, **_frame(False))
    return box + label(words, (left + width) / 2, middle + 4, text_anchor="middle", opacity=QUIET)


def _lead(y: float, first: bool) -> str:
    """What leads into a row: an arrow into a stage, a line where a stage continues."""
    middle, start = y + MIDDLE, FIRST - GAP / 2
    arrow = f"M{start - 4} {middle - 3}l4 3l-4 3" if first else ""
    way = f"M{start - 10} {middle}H{start}{arrow}"
    return element("path", d=way, fill="none", stroke="currentColor", opacity=QUIET)


def _block(block: BlockShape, place: _Place, language: str, chosen: bool, removed: bool) -> str:
    """A block: its box with its number, and its shortcut; crossed out if it is removed."""
    x, top, wide = place.x, place.top, place.wide
    content = element("rect", x=x - GAP / 2, y=place.y, width=wide + GAP, height=ROW - 2, fill="transparent")
    frame = (
        _frame(chosen)
        | ({} if chosen else {"stroke_opacity": QUIET})
        | ({"stroke_dasharray": "3 2"} if removed else {})
    )
    content += element("rect", x=x, y=top, width=wide, height=HIGH, rx=4, **frame)
    if removed:
        content += _cross(x, top, wide, HIGH)
    content += label(block.name.partition(".")[2], x + wide / 2, top + HIGH / 2 + 4, text_anchor="middle")
    content += _ways(block.shortcut, place)
    alt_text = text(
        f"plots.network.{'block_removed' if removed else 'block'}",
        language,
        name=block.name,
        channels=block.channels,
        side=block.side,
    )
    return choosable(block.name, alt_text, content, chosen=chosen)


def _ways(shortcut: Shortcut, place: _Place) -> str:
    left, middle = place.x - GAP / 2, place.top + HIGH / 2
    through = f"M{left:.1f} {middle}h{GAP / 2}m{place.wide:.1f} 0h{GAP / 2}"
    drawn = element("path", d=through, fill="none", stroke="currentColor", opacity=QUIET)
    return drawn if shortcut == "none" else drawn + _arc(shortcut, left, middle, place.wide + GAP, HIGH / 2 + ARC)


def _arc(shortcut: Shortcut, left: float, base: float, wide: float, high: float) -> str:
    """The arc of a shortcut: solid for an identity shortcut, dashed where the shape changes."""
    way = f"M{left:.1f} {base}v{3 - high}q0 -3 3 -3h{wide - 6:.1f}q3 0 3 3V{base}"
    dashes = {"stroke_dasharray": "3 2"} if shortcut == "reshaped" else {}
    return element("path", d=way, fill="none", stroke="currentColor", stroke_width=1.3, opacity=QUIET, **dashes)


def _cross(x: float, y: float, wide: float, high: float) -> str:
    way = f"M{x:.1f} {y:.1f}l{wide:.1f} {high}m0 {-high}l{-wide:.1f} {high}"
    return element("path", d=way, fill="none", stroke="currentColor", opacity=QUIET)


def _legend(architecture: Architecture, any_removed: bool, language: str) -> list[tuple[str, str]]:
    """Legend entries for the marks in this diagram."""
    there = {block.shortcut for blocks in architecture.stages.values() for block in blocks}
    kinds: tuple[Shortcut, ...] = ("same", "reshaped")
    entries = [
        (_arc(kind, 1, 4, 14, 9), text(f"plots.network.shortcut_{kind}", language)) for kind in kinds if kind in there
    ]
    if any_removed:
        entries.append((_cross(1, -5, 14, 10), text("plots.network.removed", language)))
    return entries
