"""Loss surfaces: one colour scale for all, each loss in its place, what a script needs, and single weights."""

from __future__ import annotations

import copy
import json
import re

import pytest

from resnet_demo.plots.experiments.loss_scale import LEVELS, LossScale, level_colours
from tests.plots.drawn_svg import all_of, words
from tests.plots.experiments.drawn import LANDSCAPE, alt_text, caption, figures_of, grid, line, svg


def test_equal_factors_are_equal_steps_of_colour() -> None:
    scale = LossScale([[[1.0, 100.0, None, 0.0]]])
    assert [scale(loss) for loss in (1.0, 10.0, 100.0)] == pytest.approx([0, 0.5, 1])
    assert [scale.level(loss) for loss in (0.0, 1.0, 10.01, 100.0)] == [0, 0, LEVELS // 2, LEVELS - 1]
    assert scale.loss(0.5) == pytest.approx(10)
    assert LossScale([])(5.0) == LossScale([[[3.0]]])(3.0) == 0
    assert len(set(level_colours())) == LEVELS


def test_rows_rise_and_columns_go_to_the_right() -> None:
    maps, *_ = figures_of(LANDSCAPE)
    lightest, darkest = level_colours()[-1], level_colours()[0]
    paths = list(all_of(svg(maps), "path"))

    def cells(colour: str) -> list[tuple[float, float]]:
        """The left and upper sides of what has a colour."""
        drawn = "".join(path.attrib["d"] for path in paths if path.get("fill") == colour)
        return [(float(x), float(y)) for x, y in re.findall(r"M(\S+) ([\d.]+)h", drawn)]

    cell = 154 / 3
    # The corners of the plain network's map with the highest losses: two in the lowest row, two in the highest.
    left, right, bottom, top = 20, 20 + 2 * cell, 20 + 2 * cell, 20.0
    assert cells(lightest) == [
        pytest.approx(place, abs=0.06) for place in ((left, bottom), (right, bottom), (left, top), (right, top))
    ]
    assert cells(darkest) == [
        pytest.approx(place, abs=0.06) for place in ((20 + cell, 20 + cell), (20 + 154 + 22 + cell, 20 + cell))
    ]


def test_one_scale_for_both_networks_and_its_numbers() -> None:
    maps, *_ = figures_of(LANDSCAPE)
    assert {"plain", "residual", "1", "4.6", "22", "1e+02", "−0.5", "0.5"} <= set(words(svg(maps)))
    assert alt_text(maps).endswith("plain from 1 to 100, residual from 1 to 4.")


def test_what_is_not_finite_is_a_cross_and_said() -> None:
    maps, *_ = figures_of(LANDSCAPE)
    assert "plain, 1 of 9 places" in caption(maps)
    [cross] = [path for path in all_of(svg(maps), "path") if "l" in path.attrib["d"]]
    assert cross.attrib["d"].count("M") == 1
    assert "plain 25.0 %" in caption(maps)


def test_a_surface_has_what_the_script_draws() -> None:
    _, plain, residual, *_ = figures_of(LANDSCAPE)
    [canvas] = plain.iter("canvas")
    data = json.loads(canvas.attrib["data-surface"])
    assert data["heights"] == [[1.0, 0.5, 1.0], [0.5, 0.0, 0.5], [1.0, None, 1.0]]
    assert (data["points"], data["colours"]) == (3, list(level_colours()))
    assert (canvas.get("tabindex"), canvas.get("role")) == ("0", "img")
    assert "plain network: from 1 to 100" in alt_text(plain)
    [unfinished] = residual.iter("canvas")
    assert len(json.loads(unfinished.attrib["data-surface"])["heights"]) == 2


def test_single_weights_by_multiples_of_the_trained_value() -> None:
    *_, first, second = figures_of(LANDSCAPE)
    assert caption(first).startswith("layer1.0.conv1.weight ")
    assert caption(second).startswith("layer3.0.conv2.weight ")
    heights = grid(first)
    unit = (heights["0"] - heights["3"]) / 3
    [[places]] = line(first, 0)
    assert [x for x, _ in places] == pytest.approx([44, 196, 348], abs=0.1)  # -1, 1 and 3 times the weight
    assert [(heights["0"] - y) / unit for _, y in places] == pytest.approx([3, 1, 2], abs=0.01)


def test_each_seed_has_its_maps() -> None:
    twice = copy.deepcopy(LANDSCAPE)
    twice["surfaces"] += [{**one, "seed": 1} for one in twice["surfaces"]]
    figures = figures_of(twice)
    assert [caption(figure).startswith("seed") for figure in figures] == [
        *(True, False, False),
        *(True, False, False),
        *(False, False),
    ]


def test_nothing_to_turn_before_there_are_rows() -> None:
    begun = {"experiment": "landscape", "surfaces": [{"kind": "plain", "seed": 0, "train_error": [0.5], "rows": []}]}
    [maps] = figures_of(begun)
    assert not list(maps.iter("canvas"))
