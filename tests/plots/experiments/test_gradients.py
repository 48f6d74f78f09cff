"""Gradients: four panels with a log scale each, likeness by lag, and the terms that add up."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from tests.plots.drawn_svg import words
from tests.plots.experiments.drawn import SHIPPED_RESULTS, alt_text, caption, cells, figures_of, grid, line, svg

SHIPPED = SHIPPED_RESULTS["gradients-56"]
PLAIN, HIGHWAY, RESIDUAL, PREACTIVATION = range(4)


def network(kind: str, norms: list[float | None], **more: Any) -> dict[str, Any]:
    """A row as `gradients` has it, with norms and Kaiming initialisation."""
    row = {"kind": kind, "norms": True, "init": "kaiming", "gradient_norms": norms, "correlations": [0.5, -0.5]}
    return {**row, "first_to_last": None, "verdict": "none", **more}


def drawn(*networks: dict[str, Any]) -> Any:
    return figures_of({"experiment": "gradients", "networks": list(networks), "terms": []})


def test_four_panels_two_tables_two_plots_of_likeness() -> None:
    figures = figures_of(SHIPPED)
    titles = ["batch norm, Kaiming", "batch norm, naive (0.01)", "no norm, Kaiming", "no norm, naive (0.01)"]
    assert [caption(figure) for figure in figures[:4]] == [f"{title} " for title in titles]
    assert len(figures) == 8
    for panel in figures[:4]:
        assert all(len(line(panel, style)[0][0]) == 27 for style in range(4))


def test_a_factor_of_ten_is_a_step_of_the_scale() -> None:
    panel, *_ = drawn(network("residual", [100.0, 10.0, 0.1]))
    heights = grid(panel)
    assert list(heights) == ["10⁻¹", "10⁰", "10¹", "10²"]
    [[places]] = line(panel, RESIDUAL)
    assert [y for _, y in places] == pytest.approx([heights["10²"], heights["10¹"], heights["10⁻¹"]], abs=0.1)
    assert [x for x, _ in places] == pytest.approx([44, 196, 348], abs=0.1)


def test_what_is_not_finite_is_a_gap_and_said() -> None:
    panel, *_ = drawn(network("plain", [1.0, 2.0, None, 3.0, 4.0]), network("residual", [1.0] * 5))
    [pieces] = line(panel, PLAIN)
    assert [len(piece) for piece in pieces] == [2, 2]
    assert "Not finite, and so not drawn: plain, 1 of 5 blocks." in caption(panel)
    none, *_ = drawn(network("plain", [None, None]))
    assert line(none, PLAIN) == [[]]


def test_zero_stands_below_the_least_power() -> None:
    panel, *_ = drawn(network("plain", [0.0, 1.0]))
    [[first, _]] = line(panel, PLAIN)[0]
    assert first[1] == pytest.approx(grid(panel)["0"], abs=0.1)


def test_a_kind_keeps_its_style_whatever_has_come() -> None:
    panel, *_ = drawn(network("preactivation", [1.0, 2.0]))
    assert len(line(panel, PREACTIVATION)) == 1
    assert line(panel, PLAIN) == []


def test_verdicts_of_the_shipped_networks() -> None:
    table = cells(figures_of(SHIPPED)[4])
    assert table[0] == ["norms", "plain", "Highway", "residual", "pre-activation"]
    assert table[1][:2] == ["batch norm, Kaiming", "explodes 4200"]
    assert table[4][1] == "vanishes 1.6e−50"


def test_panels_that_have_not_come_are_dashes() -> None:
    table = cells(drawn(network("plain", [1.0, 2.0], first_to_last=0.5, verdict="stays"))[4])
    assert [row[1] for row in table[1:]] == ["neither 0.5", "–", "–", "–"]


def test_likeness_by_lag() -> None:
    _, _, _, _, _, likeness, _ = drawn(network("plain", [1.0]))
    [[[near, far]]] = line(likeness, PLAIN)
    heights = grid(likeness)
    assert near[1] == pytest.approx((heights["0.0"] + heights["1.0"]) / 2, abs=0.2)
    assert heights["0.0"] - near[1] == pytest.approx(far[1] - heights["0.0"], abs=0.2)
    assert alt_text(likeness).endswith("plain from 0.5 to −0.5.")


def test_terms_add_up_as_the_caption_says() -> None:
    terms = figures_of(SHIPPED)[-1]
    assert "∂L/∂x = ∂L/∂y · (1 + ∂F/∂x)" in caption(terms)
    for _, _, shortcut, residual, cosine, total in cells(terms)[1:]:
        a, b, c = float(shortcut), float(residual), float(cosine)
        assert math.sqrt(a * a + b * b + 2 * a * b * c) == pytest.approx(float(total), abs=0.002)


def test_no_terms_yet() -> None:
    begun = copy.deepcopy(SHIPPED) | {"terms": []}
    assert len(figures_of(begun)) == 7


def test_decades_are_few_on_a_wide_scale() -> None:
    written = words(svg(figures_of(SHIPPED)[3]))  # 10⁻⁵⁴ to 10⁰
    assert "10⁻⁵⁴" in written
    assert sum(word.startswith("10") for word in written) <= 8
