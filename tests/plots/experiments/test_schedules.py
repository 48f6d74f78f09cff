"""Schedules: rates, targets and weights as they were computed, and trainings that have only begun."""

from __future__ import annotations

import copy

import pytest

from resnet_demo.plots.experiments.schedules import MOST_POINTS
from tests.plots.drawn_svg import all_of, box
from tests.plots.experiments.drawn import SCHEDULES, alt_text, caption, cells, figures_of, grid, line, svg


def test_rates_by_step() -> None:
    rates, *_ = figures_of(SCHEDULES)
    heights = grid(rates)
    unit = (heights["0"] - heights["0.2"]) / 0.2
    [[places]] = line(rates, 0)
    assert [x for x, _ in places] == pytest.approx([44 + 304 * step / 3 for step in range(4)], abs=0.06)
    assert [(heights["0"] - y) / unit for _, y in places] == pytest.approx([0.1, 0.2, 0.1, 0], abs=0.001)
    assert "everything peak 0.2, at the end 0," in alt_text(rates)


def test_a_long_schedule_is_thinned_out_but_for_its_peak_and_end() -> None:
    long = copy.deepcopy(SCHEDULES)
    long["rates"] = {"all": [*(step / 1001 for step in range(1001)), *(1 - step / 9000 for step in range(9000))]}
    [[places]] = line(figures_of(long)[0], 0)
    assert len(places) <= MOST_POINTS + 2
    assert places[-1][0] == pytest.approx(348, abs=0.1)
    assert min(y for _, y in places) == pytest.approx(grid(figures_of(long)[0])["1"], abs=0.1)


def test_targets_are_bars_the_right_class_solid() -> None:
    _, targets, *_ = figures_of(SCHEDULES)
    rects = list(all_of(svg(targets), "rect"))
    heights = [bottom - top for _, top, _, bottom in map(box, rects)]
    assert [height / sum(heights) for height in heights] == pytest.approx([0.92] + [0.02] * 4, abs=0.002)
    assert [rect.get("fill-opacity") for rect in rects] == ["1", *["0.15"] * 4]
    assert "0.920 for the right class and 0.020" in caption(targets)
    assert "by 3.83" in caption(targets)
    bare = copy.deepcopy(SCHEDULES) | {"best_logits_gap": None}
    assert "without end" in caption(figures_of(bare)[1])


def test_what_weight_decay_leaves_alone() -> None:
    weights = figures_of(SCHEDULES)[2]
    assert cells(weights)[1:] == [["decayed", "8", "74,800"], ["left alone", "15", "490"]]


def test_trainings_that_have_only_begun_have_an_empty_line() -> None:
    *_, plot, table = figures_of(SCHEDULES)
    [[places]] = line(plot, 0)
    assert [x for x, _ in places] == pytest.approx([196, 348], abs=0.1)
    assert line(plot, 1) == [[]]
    assert cells(table)[1:] == [["everything", "25.0 %", "30.0 %"], ["no warm-up", "–", "–"]]


def test_before_any_training() -> None:
    begun = copy.deepcopy(SCHEDULES) | {"trainings": []}
    assert len(figures_of(begun)) == 3
