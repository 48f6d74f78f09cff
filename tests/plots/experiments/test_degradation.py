"""Training errors: each epoch in its place, means over the seeds that have come as far, differences by hand."""

from __future__ import annotations

import copy

import pytest

from tests.plots.experiments.drawn import (
    DEGRADATION,
    SHIPPED_RESULTS,
    TWINS,
    alt_text,
    caption,
    cells,
    figures_of,
    grid,
    line,
)

PLAIN_20, PLAIN_56, RESIDUAL_20, RESIDUAL_56 = range(4)


def test_training_errors_come_first_then_test_errors_then_the_table() -> None:
    train, test, table = figures_of(SHIPPED_RESULTS["degradation-cifar10"])
    assert "Training error" in caption(train)
    assert "Test error" in caption(test)
    assert len(cells(table)) == 1 + 8


def test_points_are_where_the_errors_say() -> None:
    train, *_ = figures_of(DEGRADATION)
    heights = grid(train)
    zero, whole = heights["0 %"], heights["100 %"]
    [[places]] = line(train, PLAIN_56)
    assert [x for x, _ in places] == pytest.approx([44 + 304 * epoch / 4 for epoch in (1, 2, 3, 4)], abs=0.06)
    expected = [zero + (whole - zero) * error for error in (0.9, 0.8, 0.7, 0.5)]
    assert [y for _, y in places] == pytest.approx(expected, abs=0.1)


def test_seeds_are_thin_lines_and_their_mean_a_thick_one() -> None:
    train, *_ = figures_of(DEGRADATION)
    heights = grid(train)
    zero, whole = heights["0 %"], heights["100 %"]
    assert len(line(train, PLAIN_20, thin=True)) == 2
    assert line(train, PLAIN_56, thin=True) == []
    [[mean]] = line(train, PLAIN_20)
    expected = [zero + (whole - zero) * error for error in (0.7, 0.5, 0.3, 0.15)]  # of .8 and .6, .6 and .4, …
    assert [y for _, y in mean] == pytest.approx(expected, abs=0.1)


def test_a_seed_that_is_still_trained_does_not_bend_the_mean() -> None:
    growing = copy.deepcopy(DEGRADATION)
    growing["curves"][-1]["train_error"] = [0.1]
    train, *_ = figures_of(growing)
    [[mean]] = line(train, PLAIN_20)
    assert len(mean) == 4
    assert "plain 20 20.0 %" in alt_text(train)


def test_the_finding_is_said_in_numbers() -> None:
    train, test, _ = figures_of(DEGRADATION)
    assert alt_text(train) == (
        "training error in the last epoch: plain 20 15.0 %, plain 56 50.0 %, residual 20 10.0 %, residual 56 5.0 %."
    )
    assert caption(train).endswith("in percentage points: plain +35.0, residual −5.0.")
    assert "percentage" not in caption(test)


def test_no_difference_is_told_before_both_depths_are_trained() -> None:
    growing = copy.deepcopy(DEGRADATION)
    growing["curves"] = growing["curves"][:3]
    growing["curves"][-1]["train_error"] = [0.9, 0.8]
    assert "percentage" not in caption(figures_of(growing)[0])


def test_a_training_that_diverged_keeps_its_last_error_and_is_named() -> None:
    lost = copy.deepcopy(DEGRADATION)
    lost["curves"][2] |= {"train_loss": [2.0, None], "train_error": [0.9, 0.75], "test_error": [0.9, 0.9]}
    train, _, table = figures_of(lost)
    [[places]] = line(train, PLAIN_56)
    assert len(places) == 4
    assert places[1][1] == places[3][1]
    assert "plain 56, seed 0." in caption(train)
    assert ["plain", "56", "0", "2", "75.0 %", "90.0 %"] in cells(table)


def test_twins_are_two_lines() -> None:
    train, _, table = figures_of(TWINS)
    assert [len(line(train, style)) for style in (0, 1, 2)] == [1, 1, 0]
    assert len(line(train, 1)[0][0]) == 2  # it is still trained
    assert cells(table)[1:] == [
        ["plain", "32", "0", "3", "60.0 %", "60.0 %"],
        ["residual", "32", "0", "2", "50.0 %", "50.0 %"],
    ]
