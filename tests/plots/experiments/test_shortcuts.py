"""Variants of the shortcut: bars of means, dots of seeds, and the paper's figures apart from ours."""

from __future__ import annotations

import pytest

from resnet_demo.plots.curves import COLOURS
from tests.plots.drawn_svg import all_of, words
from tests.plots.experiments.drawn import SHORTCUTS, alt_text, caption, figures_of, svg


def test_bars_are_means_and_dots_are_seeds() -> None:
    [figure] = figures_of(SHORTCUTS)
    identity, dropout = [rect for rect in all_of(svg(figure), "rect") if rect.get("fill") == COLOURS[0]]
    # The largest error is 50 %, so that the scale ends at 60, 128 pixels away.
    assert float(identity.attrib["width"]) == pytest.approx(128 * 30 / 60, abs=0.01)
    assert float(dropout.attrib["width"]) == pytest.approx(128 * 50 / 60, abs=0.01)
    dots = [float(dot.attrib["cx"]) for dot in all_of(svg(figure), "circle")]
    assert dots == pytest.approx([128 * 20 / 60, 128 * 40 / 60], abs=0.01)


def test_what_is_published_is_marked_and_has_a_scale_of_its_own() -> None:
    [figure] = figures_of(SHORTCUTS)
    [published] = [rect for rect in all_of(svg(figure), "rect") if rect.get("fill") == COLOURS[1]]
    assert published.get("fill-opacity") == "0.15"
    assert float(published.attrib["width"]) == pytest.approx(128 * 6.61 / 8, abs=0.01)
    written = words(svg(figure))
    assert {"published (ResNet-110)", "He et al. 2016b, CIFAR-10", "6.61 %", "30.0 %", "–"} <= set(written)
    assert "with ResNet-20" in caption(figure)
    assert caption(figure).endswith("dropout 0.5.")  # of which the paper has no figure


def test_the_alt_text_has_both_numbers() -> None:
    [figure] = figures_of(SHORTCUTS)
    assert "identity, original order 30.0 % (published: 6.61 %), dropout 0.5 50.0 % (published: –)" in alt_text(figure)


def test_nothing_runs_out_of_the_picture() -> None:
    for language in ("en", "zh-CN"):
        [figure] = figures_of(SHORTCUTS, language)
        for node in all_of(svg(figure), "text"):
            wide = sum(11 if ord(letter) > 0x2E7F else 6.2 for letter in node.text or "")
            assert float(node.attrib["x"]) + wide < 366
