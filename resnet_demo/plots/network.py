"""A network drawn from itself: stem, stages, blocks, head; every part can be chosen, blocks can be switched off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from resnet_demo.plots.curves import COLOURS
from resnet_demo.plots.legend import legend
from resnet_demo.plots.svg import FONT_SIZE, QUIET, element, label, picture
from resnet_demo.texts import text

HIGH, GAP, ARC, ROW = 26, 8, 7, 43
"""How high a block is, what lies between two, how high its shortcut rises, and how high a row of blocks is."""
NARROWEST, WIDEST = 24, 72
"""A block's width; a finger needs 24 pixels."""
NAMES = 92
"""Room for the stages' names."""
FIRST = NAMES + GAP
"""Where rows of blocks begin."""
MIDDLE = ARC + 2 + HIGH / 2
"""From a row's top to the middle of its blocks."""
CHOSEN = COLOURS[0]

Shortcut = Literal["same", "reshaped", "none"]


@dataclass(frozen=True)
class BlockShape:
    """A block: its output's channels and side in pixels, and its shortcut: x as it came, x reshaped, or none."""

    name: str
    channels: int
    side: int
    shortcut: Shortcut


@dataclass(frozen=True)
class Outline:
    """A network that sees `side` x `side` pixels; `stem` are the channels and the side of what leaves its stem."""

    name: str
    side: int
    stem: tuple[int, int]
    stages: Mapping[str, Sequence[BlockShape]]
    classes: int


def network(
    outline: Outline, language: str, *, selected: str | None = None, off: Collection[str] = (), width: float = 360
) -> str:
    """The network from top to bottom; a stage takes as many rows as its blocks need, so the height follows.

    The stem, each stage and each block is an element that the keyboard reaches, with its name as `data-name`.

    Args:
        outline: the network, as `explain.outline` reads it.
        language: of the words.
        selected: what is chosen: `stem`, a stage or a block.
        off: the blocks that are switched off.
    """
    in_a_row, wide = _fit(outline, width)
    y = float(FONT_SIZE)
    drawn = [label(text("plots.network.image", language), 0, y), _size(3, outline.side, NAMES, y)]
    y += FONT_SIZE
    drawn.append(_part("stem", text("plots.network.stem", language), *outline.stem, y, selected == "stem"))
    drawn.append(_bar(text("plots.network.stem_layers", language), y, width))
    y += ROW
    for name, blocks in outline.stages.items():
        words = text("plots.network.stage", language, number=name.removeprefix("stage"))
        drawn.append(_part(name, words, blocks[-1].channels, blocks[-1].side, y, selected == name))
        for start in range(0, len(blocks), in_a_row):
            drawn.append(_lead(y, first=start == 0))
            for column, block in enumerate(blocks[start : start + in_a_row]):
                place = _Place(FIRST + column * (wide + GAP), y, wide)
                drawn.append(_block(block, place, language, block.name == selected, block.name in off))
            y += ROW
    drawn.append(label(text("plots.network.head", language), 0, y + MIDDLE + 4))
    drawn.append(_bar(text("plots.network.classes", language, count=outline.classes), y, width))
    words, height = legend("", _legend(outline, bool(off), language), y + ROW + 4, width)
    blocks_in_all = sum(map(len, outline.stages.values()))
    said = text("plots.network.said", language, name=outline.name, stages=len(outline.stages), blocks=blocks_in_all)
    return picture(width, height, "".join(drawn) + words, said, role="group")


@dataclass(frozen=True)
class _Place:
    """A block's left side, its row's top, and how wide it is."""

    x: float
    y: float
    wide: float

    @property
    def top(self) -> float:
        return self.y + ARC + 2


def _fit(outline: Outline, width: float) -> tuple[int, float]:
    """How many blocks to put in a row, and how wide to draw them."""
    longest = max(map(len, outline.stages.values()))
    room = width - 1 - FIRST + GAP / 2
    rows = -(-longest // max(1, int(room // (NARROWEST + GAP))))
    in_a_row = -(-longest // rows)  # so that the last row is not much shorter than the others
    return in_a_row, min(WIDEST, room / in_a_row - GAP)


def _size(channels: int, side: int, x: float, y: float) -> str:
    return label(f"{channels}×{side}×{side}", x, y, opacity=QUIET)


def _part(name: str, words: str, channels: int, side: int, y: float, chosen: bool) -> str:
    """The stem or a stage at the left: its name and its output."""
    middle = y + MIDDLE
    content = element("rect", x=1.5, y=middle - 17, width=NAMES - 8, height=34, rx=4, **_frame(chosen))
    content += label(words, 7, middle - 3, font_weight=600) + _size(channels, side, 7, middle + FONT_SIZE)
    return _choosable(name, f"{words}, {channels}×{side}×{side}", chosen, content)


def _frame(chosen: bool) -> dict[str, str | float]:
    """The outline of what can be chosen: thick once it is."""
    stroke, thick, opacity = (CHOSEN, 3, 1.0) if chosen else ("currentColor", 1, 0.3)
    return {"fill": "transparent", "stroke": stroke, "stroke_width": thick, "stroke_opacity": opacity}


def _choosable(name: str, said: str, chosen: bool, content: str) -> str:
    return element(
        "g",
        element("title", escape(said)) + content,
        data_name=name,
        tabindex="0",
        role="button",
        aria_pressed="true" if chosen else "false",
        aria_label=said,
        cursor="pointer",
    )


def _bar(words: str, y: float, width: float) -> str:
    """A part that is one piece, with what it does."""
    middle, left = y + MIDDLE, FIRST
    box = element("rect", x=left, y=middle - 13, width=width - left - 1, height=26, rx=4, **_frame(False))
    return box + label(words, (left + width) / 2, middle + 4, text_anchor="middle", opacity=QUIET)


def _lead(y: float, first: bool) -> str:
    """What leads into a row: an arrow into a stage, a mere line where a row goes on."""
    middle, start = y + MIDDLE, FIRST - GAP / 2
    arrow = f"M{start - 4} {middle - 3}l4 3l-4 3" if first else ""
    way = f"M{start - 10} {middle}H{start}{arrow}"
    return element("path", d=way, fill="none", stroke="currentColor", opacity=QUIET)


def _block(block: BlockShape, place: _Place, language: str, chosen: bool, off: bool) -> str:
    """A block: its box with its number, the way through and the way past it; crossed out when it is off."""
    x, top, wide = place.x, place.top, place.wide
    content = element("rect", x=x - GAP / 2, y=place.y, width=wide + GAP, height=ROW - 2, fill="transparent")
    frame = (
        _frame(chosen) | ({} if chosen else {"stroke_opacity": QUIET}) | ({"stroke_dasharray": "3 2"} if off else {})
    )
    content += element("rect", x=x, y=top, width=wide, height=HIGH, rx=4, **frame)
    if off:
        content += _cross(x, top, wide, HIGH)
    content += label(block.name.partition(".")[2], x + wide / 2, top + HIGH / 2 + 4, text_anchor="middle")
    content += _ways(block.shortcut, place)
    said = text(
        f"plots.network.block_{'off' if off else 'on'}",
        language,
        name=block.name,
        channels=block.channels,
        side=block.side,
    )
    return _choosable(block.name, said, chosen, content)


def _ways(shortcut: Shortcut, place: _Place) -> str:
    left, middle = place.x - GAP / 2, place.top + HIGH / 2
    through = f"M{left:.1f} {middle}h{GAP / 2}m{place.wide:.1f} 0h{GAP / 2}"
    drawn = element("path", d=through, fill="none", stroke="currentColor", opacity=QUIET)
    return drawn if shortcut == "none" else drawn + _arc(shortcut, left, middle, place.wide + GAP, HIGH / 2 + ARC)


def _arc(shortcut: Shortcut, left: float, base: float, wide: float, high: float) -> str:
    """The way past: whole where x stays as it came, dashed where its shape changes."""
    way = f"M{left:.1f} {base}v{3 - high}q0 -3 3 -3h{wide - 6:.1f}q3 0 3 3V{base}"
    dashes = {"stroke_dasharray": "3 2"} if shortcut == "reshaped" else {}
    return element("path", d=way, fill="none", stroke="currentColor", stroke_width=1.3, opacity=QUIET, **dashes)


def _cross(x: float, y: float, wide: float, high: float) -> str:
    way = f"M{x:.1f} {y:.1f}l{wide:.1f} {high}m0 {-high}l{-wide:.1f} {high}"
    return element("path", d=way, fill="none", stroke="currentColor", opacity=QUIET)


def _legend(outline: Outline, any_off: bool, language: str) -> list[tuple[str, str]]:
    """The marks that this picture has."""
    there = {block.shortcut for blocks in outline.stages.values() for block in blocks}
    kinds: tuple[Shortcut, ...] = ("same", "reshaped")
    entries = [
        (_arc(kind, 1, 4, 14, 9), text(f"plots.network.shortcut_{kind}", language)) for kind in kinds if kind in there
    ]
    if any_off:
        entries.append((_cross(1, -5, 14, 10), text("plots.network.off", language)))
    return entries
