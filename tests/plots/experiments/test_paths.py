"""Blocks left out and shuffled, and paths by length: points, bars and shares by hand."""

from __future__ import annotations

import copy

import pytest

from tests.plots.drawn_svg import all_of, box
from tests.plots.experiments.drawn import PATHS, SHIPPED_RESULTS, alt_text, caption, figures_of, grid, line, svg

RESIDUAL, PLAIN = 0, 1


def test_errors_without_each_block() -> None:
    each, *_ = figures_of(PATHS)
    heights = grid(each)
    unit = (heights["0 %"] - heights["100 %"]) / 100
    [[residual]], [[plain]] = line(each, RESIDUAL), line(each, PLAIN)
    assert [(heights["0 %"] - y) / unit for _, y in residual] == pytest.approx([30, 10], abs=0.2)
    assert [(heights["0 %"] - y) / unit for _, y in plain] == pytest.approx([80, 90], abs=0.2)
    assert alt_text(each).endswith("residual 20.0 %, plain 85.0 %.")


def test_errors_without_some_begin_with_the_whole_network() -> None:
    _, some, *_ = figures_of(PATHS)
    heights = grid(some)
    unit = (heights["0 %"] - heights["80 %"]) / 80
    [[places]] = line(some, RESIDUAL)
    assert [x for x, _ in places] == pytest.approx([44, 196, 348], abs=0.1)  # none, one, two blocks
    assert [(heights["0 %"] - y) / unit for _, y in places] == pytest.approx([10, 20, 50], abs=0.2)
    assert "residual from 10.0 % to 50.0 %" in alt_text(some)


def test_orders_are_marks_from_the_trained_one_on() -> None:
    _, _, shuffled, *_ = figures_of(PATHS)
    assert line(shuffled, RESIDUAL) == []  # no stroke
    assert "plain from 20.0 % to 90.0 %" in alt_text(shuffled)


def test_paths_of_each_length() -> None:
    counts = figures_of(PATHS)[3]
    bars = [box(rect) for rect in all_of(svg(counts), "rect")]
    heights = [bottom - top for _, top, _, bottom in bars]
    assert [height / sum(heights) for height in heights] == pytest.approx([1 / 8, 3 / 8, 3 / 8, 1 / 8], abs=0.001)
    filled = [rect.get("fill-opacity") for rect in all_of(svg(counts), "rect")]
    assert filled == ["0.15", "1", "1", "0.15"]  # the usual lengths are 1 and 2
    assert "3 blocks make 8 paths" in caption(counts)


def test_shares_of_the_gradient() -> None:
    *_, shares = figures_of(PATHS)
    heights = [bottom - top for _, top, _, bottom in (box(rect) for rect in all_of(svg(shares), "rect"))]
    assert [height / sum(heights) for height in heights] == pytest.approx([0.6, 0.3, 0, 0.1], abs=0.001)  # 6, 3, 0, 1
    assert "at most 0 blocks" in caption(shares)


def test_no_share_is_told_before_all_lengths_are_measured() -> None:
    growing = copy.deepcopy(PATHS)
    del growing["networks"][0]["gradients"][-1]
    assert len(figures_of(growing)) == 4


def test_a_length_without_a_finite_gradient_is_named() -> None:
    lost = copy.deepcopy(PATHS)
    lost["networks"][0]["gradients"][1]["norm"] = None
    assert caption(figures_of(lost)[-1]).endswith("Not finite, and so not drawn: 1.")


def test_counts_are_there_before_anything_is_measured() -> None:
    [_, _, _, counts] = figures_of({"experiment": "paths", "blocks": 4, "networks": []})
    assert "4 blocks make 16 paths" in caption(counts)


def test_the_shipped_finding() -> None:
    each, _, _, counts, shares = figures_of(SHIPPED_RESULTS["paths-drawn"])
    assert len(line(each, RESIDUAL, thin=True)) == len(line(each, PLAIN, thin=True)) == 2
    assert "15 blocks make 32,768 paths" in caption(counts)
    assert len(list(all_of(svg(shares), "circle"))) == 2 * 16
