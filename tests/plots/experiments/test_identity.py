"""The residual branch beside the shortcut: first and last epoch, gaps where there is no ratio, the exponent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plots.drawn_svg import words
from tests.plots.experiments.drawn import SHIPPED_RESULTS, alt_text, caption, figures_of, grid, line, svg


def row(zero_init: bool, epoch: int, ratios: list[float | None], exponent: float | None = None) -> dict[str, Any]:
    names = ["stage1.0", "stage1.1", "stage2.0"]
    return {
        "kind": "residual",
        "zero_init": zero_init,
        "epoch": epoch,
        "ratios": dict(zip(names, ratios, strict=True)),
        "exponent": exponent,
    }


RESULT = {
    "experiment": "identity",
    "settings": {"epochs": 2},
    "branches": [
        row(False, 0, [1.0, 0.5, 2.0], -0.5),
        row(False, 1, [9.0, 9.0, 9.0], -0.25),
        row(False, 2, [2.0, 1.0, 0.0], -0.75),
        row(True, 0, [0.0, None, 1.0]),
    ],
}


def test_first_and_last_epoch_alone_are_drawn() -> None:
    usual, zero, _ = figures_of(RESULT)
    heights = grid(usual)
    one = (heights["0"] - heights["10"]) / 10
    [[first]], [[last]] = line(usual, 0), line(usual, 1)
    assert [heights["0"] - y for _, y in first] == pytest.approx([one, one / 2, 2 * one], abs=0.11)
    assert [heights["0"] - y for _, y in last] == pytest.approx([2 * one, one, 0], abs=0.11)
    assert [x for x, _ in first] == pytest.approx([44, 196, 348], abs=0.1)
    assert len(line(zero, 0)) == 1
    assert line(zero, 1) == []  # nothing trained yet


def test_stages_are_marked_where_they_begin() -> None:
    usual, *_ = figures_of(RESULT)
    places = {node.text: float(node.attrib["x"]) for node in svg(usual).iter() if (node.text or "").startswith("stage")}
    assert places == pytest.approx({"stage1.0": 44, "stage2.0": 348})
    assert {"stage1.0", "stage2.0", "stage3.0"} <= set(words(svg(figures_of(SHIPPED_RESULTS["identity-drawn"])[0])))


def test_no_ratio_is_a_gap_and_said() -> None:
    _, zero, _ = figures_of(RESULT)
    assert len(line(zero, 0)[0]) == 2
    assert caption(zero).endswith("Not finite, and so not drawn: stage1.1.")


def test_exponents_beside_the_theory() -> None:
    *_, plot = figures_of(RESULT)
    heights = grid(plot)
    zero, lowest = heights["0.0"], heights["-1.0"]
    [[usual]], [[theory]] = line(plot, 0), line(plot, 2)
    assert [(y - zero) / (lowest - zero) for _, y in usual] == pytest.approx([0.5, 0.25, 0.75], abs=0.002)
    assert {y for _, y in theory} == {usual[0][1]}
    assert alt_text(plot).endswith("usual initialisation -0.75, zero initialisation –.")


def test_the_shipped_finding() -> None:
    usual, zero, exponents = figures_of(SHIPPED_RESULTS["identity-drawn"])
    assert "before training from 0.33 to 1.81" in alt_text(usual)
    assert "after epoch 6 from 0.07 to 1.71" in alt_text(zero)
    assert "usual initialisation -0.64, zero initialisation -0.61" in alt_text(exponents)
