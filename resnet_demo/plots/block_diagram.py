"""The diagram of a block: its layers from top to bottom with their shapes, and its shortcut, named, beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from resnet_demo.plots.curves import COLOURS
from resnet_demo.plots.svg import FONT_SIZE, QUIET, choosable, element, label, picture, text_width
from resnet_demo.texts import Message, text

WIDTH = 322.0
"""Pixels, also where there is no shortcut: so the letters of all diagrams are of one size."""
MIDDLE, WIDE = 82.0, 156.0
"""The middle of the layers, and how wide a layer is."""
BESIDE, WIDE_BESIDE = 226.0, 116.0
"""The same for the shortcut, which has its name beside it."""
GAP = 12.0
THIN, LINE = 20.0, 15.0
"""The height of a layer, and what each further line adds to it."""
STRIP, MOST_LANES = 13.0, 16
RADIUS = 9.0
NAME = 22.0
"""Room for the name of a shortcut above its layers."""
SHORTCUT = COLOURS[1]

Shortcut = Literal["identity", "projected", "padded", "gated", "carried"]
"""What the shortcut does to `x`: nothing, W x, zero padding, a gate; `carried`: it is concatenated, not added."""
Join = Literal["sum", "concatenation"]


@dataclass(frozen=True)
class Step:
    """A layer or what belongs together, `3x3 conv` or `batch norm, ReLU`, with its output shape (C, H, W) if told.

    With several `lanes` the channels are computed in so many groups; `chained`: each group takes the output of the one
    before. `layers` are the names in the block of those with parameters (`conv1`); what is drawn alike is equal.
    """

    words: tuple[Message | str, ...]
    shape: tuple[int, ...] = ()
    lanes: int = 1
    chained: bool = False
    layers: tuple[str, ...] = field(default=(), compare=False)

    def say(self, language: str) -> str:
        """Its words."""
        return ", ".join(one if isinstance(one, str) else one.say(language) for one in self.words)

    @property
    def height(self) -> float:
        return THIN + LINE * bool(self.shape) + STRIP * (self.lanes > 1)


@dataclass(frozen=True)
class Unit:
    """What is computed from one split to one join: y = after(branch(before(x)) + shortcut(before(x))).

    Without a `shortcut` it is a chain of layers. `beside` are layers on the shortcut.
    """

    branch: tuple[Step, ...]
    shortcut: Shortcut | None = None
    beside: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    join: Join = "sum"


@dataclass(frozen=True)
class BlockDiagram:
    """A block as units, one after the other; the shapes of input and output are (C, H, W), or () where not told."""

    units: tuple[Unit, ...]
    input: tuple[int, ...] = ()
    output: tuple[int, ...] = ()

    def layers_beside(self, layer: str) -> tuple[str, ...]:
        """The layers of the step that has this one, itself among them; none if no step has it."""
        steps = (step for unit in self.units for step in (*unit.before, *unit.branch, *unit.beside, *unit.after))
        return next((step.layers for step in steps if layer in step.layers), ())


@dataclass(frozen=True)
class Choice:
    """That layers can be chosen: parts of the picture are named `name` and a layer's; `chosen` is such a layer's."""

    name: str
    chosen: str = ""

    def of(self, step: Step) -> str:
        """The name of a step's part."""
        return f"{self.name} {step.layers[0]}"


def block_diagram(block: BlockDiagram, name: str, language: str, choice: Choice | None = None) -> str:
    """The block as SVG, from its input at the top to its output.

    Args:
        block: its layers.
        name: what it is called in the description for screen readers.
        language: of the labels.
        choice: makes steps with layers parts that can be chosen.
    """
    columns = _Columns(language, choice)
    y = FONT_SIZE + 2.0
    drawn = [label(_named("x", block.input), MIDDLE, y, text_anchor="middle")]
    y += 5
    for unit in block.units:
        content, y = _unit(unit, y, columns)
        drawn.append(content)
    drawn.append(_arrow(MIDDLE, y, y + GAP))
    y += GAP + FONT_SIZE + 2
    drawn.append(label(_named("y", block.output), MIDDLE, y, text_anchor="middle"))
    role = "img" if choice is None else "group"
    return picture(WIDTH, y + 5, "".join(drawn), _alt_text(block, name, language), role)


def shape_text(shape: Sequence[int]) -> str:
    """`64 × 56 × 56`."""
    return " × ".join(f"{side:,}" for side in shape)


def _named(name: str, shape: Sequence[int]) -> str:
    return f"{name}: {shape_text(shape)}" if shape else name


def _unit(unit: Unit, y: float, columns: _Columns) -> tuple[str, float]:
    """The unit, and where it ends."""
    content, y = columns.draw(unit.before, MIDDLE, WIDE, y)
    split = y + 8
    drawn = [content, _line(MIDDLE, y, split)]
    content, y = columns.draw(unit.branch, MIDDLE, WIDE, split)
    drawn.append(content)
    if unit.shortcut is not None:
        beside = sum(step.height + GAP for step in unit.beside)
        y = max(y, split + NAME + beside)
        joined = y + GAP + RADIUS
        drawn += [_line(MIDDLE, y, y + GAP), _join(unit.join, joined), _shortcut(unit, split, joined, columns)]
        y = joined + RADIUS
    content, y = columns.draw(unit.after, MIDDLE, WIDE, y)
    return "".join([*drawn, content]), y


@dataclass(frozen=True)
class _Columns:
    """Draws layers below each other."""

    language: str
    choice: Choice | None

    def draw(self, steps: Sequence[Step], x: float, wide: float, y: float) -> tuple[str, float]:
        """The layers, each with the line that leads to it; and where the last one ends."""
        drawn = []
        for step in steps:
            drawn += [_arrow(x, y, y + GAP), self._step(step, x, wide, y + GAP)]
            y += GAP + step.height
        return "".join(drawn), y

    def _step(self, step: Step, x: float, wide: float, y: float) -> str:
        chosen = self.choice is not None and self.choice.chosen in step.layers
        drawn = _box(step, x, wide, y, self.language, chosen)
        if self.choice is None or not step.layers:
            return drawn
        title = f"{', '.join(step.layers)}: {step.say(self.language)}"
        return choosable(self.choice.of(step), title, drawn, chosen=chosen)


def _box(step: Step, x: float, wide: float, y: float, language: str, chosen: bool) -> str:
    left = x - wide / 2
    drawn = element(
        "rect",
        x=left,
        y=y,
        width=wide,
        height=step.height,
        rx=4,
        fill=COLOURS[0] if step.shape else "currentColor",
        fill_opacity=0.16 if step.shape else 0.05,
        stroke="currentColor",
        stroke_opacity=1 if chosen else 0.35,
        stroke_width=2 if chosen else 1,
    )
    drawn += label(step.say(language), x, y + 14, text_anchor="middle", **_squeezed(step.say(language), wide))
    if step.shape:
        drawn += label(shape_text(step.shape), x, y + 14 + LINE, text_anchor="middle", opacity=QUIET)
    return drawn + (_lanes(step, left, wide, y + step.height - STRIP) if step.lanes > 1 else "")


def _squeezed(words: str, wide: float) -> dict[str, str | float]:
    """Text that would be wider than its box is set narrower."""
    room = wide - 8
    return {"textLength": room, "lengthAdjust": "spacingAndGlyphs"} if text_width(words) > room else {}


def _lanes(step: Step, left: float, wide: float, y: float) -> str:
    """A strip of cells, one for each group as long as there is room for them; arrows between chained ones."""
    count = min(step.lanes, MOST_LANES)
    pitch = (wide - 12) / count
    gap = pitch * 0.35 if step.chained else min(3.0, pitch * 0.3)
    drawn = []
    for index in range(count):
        x = left + 6 + gap / 2 + index * pitch
        drawn.append(element("rect", x=x, y=y, width=pitch - gap, height=8, rx=2, fill=COLOURS[0], fill_opacity=0.55))
        if step.chained and index < count - 1:
            start, end = x + pitch - gap + 1, x + pitch - 1
            way = f"M{start:.1f} {y + 4:.1f}H{end:.1f}m-3 -3l3 3l-3 3"
            drawn.append(element("path", d=way, fill="none", stroke="currentColor", opacity=QUIET))
    return "".join(drawn)


def _line(x: float, top: float, bottom: float) -> str:
    return element("path", d=f"M{x:.1f} {top:.1f}V{bottom:.1f}", fill="none", stroke="currentColor", opacity=QUIET)


def _arrow(x: float, top: float, bottom: float) -> str:
    way = f"M{x:.1f} {top:.1f}V{bottom:.1f}m-3 -4l3 4l3 -4"
    return element("path", d=way, fill="none", stroke="currentColor", opacity=QUIET)


def _join(join: Join, y: float) -> str:
    """The sum as a circle with a plus, a concatenation as one with two strokes."""
    circle = element("circle", cx=MIDDLE, cy=y, r=RADIUS, fill="none", stroke="currentColor")
    sign = f"M{MIDDLE - 5} {y:.1f}h10M{MIDDLE} {y - 5:.1f}v10"
    if join == "concatenation":
        sign = f"M{MIDDLE - 2.5} {y - 4.5:.1f}v9M{MIDDLE + 2.5} {y - 4.5:.1f}v9"
    return circle + element("path", d=sign, fill="none", stroke="currentColor", stroke_width=1.4)


def _shortcut(unit: Unit, split: float, joined: float, columns: _Columns) -> str:
    """The line from the split to the join, interrupted by its layers, and its name."""
    name = text(f"plots.block.shortcut.{unit.shortcut}", columns.language)
    high = sum(step.height + GAP for step in unit.beside)
    first = max(split + NAME, (split + joined - high) / 2)
    column, last = columns.draw(unit.beside, BESIDE, WIDE_BESIDE, first)
    away = f"M{MIDDLE} {split:.1f}H{BESIDE - 8}q8 0 8 8V{first:.1f}"
    back = f"M{BESIDE} {last:.1f}V{joined - 8:.1f}q0 8 -8 8H{MIDDLE + RADIUS + 1}m5 -3l-5 3l5 3"
    line = element("path", d=away + back, fill="none", stroke=SHORTCUT, stroke_width=1.8)
    named = label(name, BESIDE + 6, split + NAME - 4 if unit.beside else (split + joined) / 2 + 4, font_weight=600)
    return line + element("circle", cx=MIDDLE, cy=split, r=2.4) + column + named


def _alt_text(block: BlockDiagram, name: str, language: str) -> str:
    """The layers in order, and what is beside them."""
    said = []
    for unit in block.units:
        steps = "; ".join(step.say(language) for step in (*unit.before, *unit.branch, *unit.after))
        way = text(f"plots.block.shortcut.{unit.shortcut or 'none'}", language)
        said.append(text("plots.block.unit", language, layers=steps, shortcut=way))
    return text("plots.block.alt", language, name=name, units=" ".join(said))
