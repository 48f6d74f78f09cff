"""Shortcuts: each variant's test error here beside the published one of another network, each on a scale of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resnet_demo.plots.bars import dot
from resnet_demo.plots.curves import COLOURS
from resnet_demo.plots.experiments.figure_html import WIDTH, figure
from resnet_demo.plots.experiments.measured import Result, finite, grouped, known, last, mean, numbers, rows, setting
from resnet_demo.plots.experiments.wording import NONE, alt, enumerated, percent, variant_name
from resnet_demo.plots.svg import FONT_SIZE, QUIET, Scale, element, label, picture, round_up
from resnet_demo.texts import text

ROW, THICK, HEAD = 42, 11, 40
OURS = (0.0, 128.0)
PUBLISHED = (190.0, 318.0)
"""Where the bars of both sides begin and may end; the number stands behind each."""


@dataclass(frozen=True)
class _Variant:
    """Errors in percent; `published` is None where the paper has no figure."""

    name: str
    errors: list[float]
    published: float | None

    @property
    def ours(self) -> float | None:
        return mean(self.errors)


def figures(result: Result, language: str) -> Iterator[str]:
    """One picture, a row for each variant."""
    variants = [
        _Variant(
            variant_name(name, language),
            [100 * error for error in known([last(numbers(row.get("test_error"))) for row in same])],
            finite(same[0].get("published")),
        )
        for (name,), same in grouped(rows(result, "variants"), "name").items()
    ]
    depth = setting(result, "depth")
    about = text("plots.lab.shortcuts.about", language, depth=NONE if depth is None else str(depth))
    gone = [variant.name for variant in variants if variant.published is None]
    failed = [text("plots.lab.shortcuts.failed", language, names=enumerated(gone, language))] if gone else []
    yield figure(_picture(variants, language), about, *failed)


def _picture(variants: Sequence[_Variant], language: str) -> str:
    ours = Scale(0, round_up(max([error for one in variants for error in one.errors], default=1.0)), *OURS)
    published = Scale(0, round_up(max([one.published for one in variants if one.published], default=1.0)), *PUBLISHED)
    drawn = label(text("plots.lab.shortcuts.ours", language), OURS[0], FONT_SIZE, font_weight=600)
    drawn += label(text("lab.column.published", language), PUBLISHED[0], FONT_SIZE, font_weight=600)
    drawn += label(text("plots.lab.shortcuts.measured", language), OURS[0], FONT_SIZE + 15, opacity=QUIET)
    drawn += label(text("plots.lab.shortcuts.paper", language), PUBLISHED[0], FONT_SIZE + 15, opacity=QUIET)
    for place, variant in enumerate(variants):
        drawn += _row(variant, HEAD + ROW * place, ours, published)
    pairs = [(one.name, _both(one, language)) for one in variants]
    said = alt(text("plots.lab.shortcuts.alt", language), pairs, language)
    return picture(WIDTH, HEAD + ROW * max(1, len(variants)), drawn, said)


def _row(variant: _Variant, top: float, ours: Scale, published: Scale) -> str:
    middle = top + FONT_SIZE + 6 + THICK / 2
    drawn = label(variant.name, 0, top + FONT_SIZE)
    if variant.ours is not None:
        drawn += _bar(ours, variant.ours, middle, filled=True)
        if len(variant.errors) > 1:
            drawn += "".join(dot(ours(error), middle) for error in variant.errors)
    drawn += _behind(ours, [variant.ours, *variant.errors], variant.ours, ".1f", middle)
    if variant.published is not None:
        drawn += _bar(published, variant.published, middle, filled=False)
    return drawn + _behind(published, [variant.published], variant.published, ".2f", middle)


def _bar(scale: Scale, value: float, middle: float, *, filled: bool) -> str:
    box = {"x": scale.start + 0.5, "y": middle - THICK / 2, "width": scale(value) - scale.start, "height": THICK}
    colour = COLOURS[0 if filled else 1]
    return element("rect", **box, fill=colour, fill_opacity=1 if filled else 0.15, stroke=colour)


def _behind(scale: Scale, ends: Sequence[float | None], value: float | None, form: str, middle: float) -> str:
    """The number, behind the bar and its dots."""
    written = NONE if value is None else f"{value:{form}} %"
    x = max([scale.start, *(scale(end) for end in ends if end is not None)]) + 6
    return label(written, x, middle + FONT_SIZE * 0.35, opacity=QUIET)


def _both(variant: _Variant, language: str) -> str:
    ours = percent(None if variant.ours is None else variant.ours / 100)
    paper = NONE if variant.published is None else f"{variant.published:.2f} %"
    return text("plots.lab.shortcuts.both", language, ours=ours, published=paper)
