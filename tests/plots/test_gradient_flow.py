"""Lines of gradient norms: on a log scale, told apart without colours, zeros included."""

from __future__ import annotations

import re

import pytest

from resnet_demo.plots.gradient_flow import gradient_flow
from resnet_demo.plots.svg import LogScale
from tests.plots.drawn_svg import Node, all_of, read, words

TOTAL = {"stage1.0": 100.0, "stage1.1": 10.0, "stage2.0": 1.0}
RESIDUAL = {"stage1.0": 1.0, "stage1.1": 0.1, "stage2.0": 0.01}
SHORTCUT = {"stage1.0": 10.0, "stage1.1": 10.0, "stage2.0": 1.0}


def marks(picture: Node) -> list[tuple[str, str, float]]:
    """Name, shape and height of every mark."""
    found = []
    for node in picture.iter():
        if "data-name" in node.attrib:
            (path,) = all_of(node, "path")
            place = re.match(r"translate\(\S+ (\S+)\)", path.attrib["transform"])
            assert place
            found.append((node.attrib["data-name"], path.attrib["d"], float(place[1])))
    return found


def test_equal_factors_are_equal_steps() -> None:
    drawn = marks(read(gradient_flow(TOTAL, RESIDUAL, SHORTCUT, "en")))
    shortcut, residual = drawn[:3], drawn[3:]
    assert [name for name, *_ in shortcut] == [name for name, *_ in residual] == list(TOTAL)
    heights = [height for _, _, height in residual]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)
    assert residual[0][2] == pytest.approx(shortcut[2][2], abs=0.2)  # both are 1
    assert residual[0][2] - shortcut[0][2] == pytest.approx(heights[1] - heights[0], abs=0.2)


def test_lines_differ_in_marks_and_dashes() -> None:
    picture = read(gradient_flow(TOTAL, RESIDUAL, SHORTCUT, "en"))
    assert len({shape for _, shape, _ in marks(picture)}) == 2
    lines = [path for path in all_of(picture, "path") if path.attrib["d"].count("L") == 2]
    assert len(lines) == 3
    assert len({path.attrib.get("stroke-dasharray") for path in lines}) == 3
    assert {"shortcut", "residual branch", "total"} <= set(words(picture))
    assert picture.attrib["aria-label"].endswith("1 at stage2.0, 1e+02 at stage1.0.")


def test_a_plain_network_has_one_line() -> None:
    picture = read(gradient_flow(RESIDUAL, RESIDUAL, {}, "zh-CN"))
    assert len(marks(picture)) == 3
    assert "各层" in words(picture)
    assert "合计" not in words(picture)


def test_decades_are_written_as_powers() -> None:
    written = words(read(gradient_flow(TOTAL, RESIDUAL, SHORTCUT, "en")))
    assert [word for word in written if word.startswith("10")] == ["10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]


@pytest.mark.parametrize(("least", "most"), [(1e-30, 1e5), (3e-7, 4e-7), (1.0, 1.0), (5e-324, 1.7e308)])
def test_any_range_has_a_few_lines(least: float, most: float) -> None:
    scale = LogScale([least, most], 200, 10)
    assert 2 <= len(scale.grid()) <= 8
    assert all(10 - 1e-6 <= height <= 200 + 1e-6 for height in (scale(least), scale(most)))
    assert scale(least) >= scale(most)


def test_zero_stands_below_all_others() -> None:
    gone = {"stage1.0": 0.0, "stage1.1": 1e-9, "stage2.0": 1.0}
    picture = read(gradient_flow(gone, gone, gone, "en"))
    assert "0" in words(picture)
    heights = [height for _, _, height in marks(picture)][:3]
    assert heights[0] > heights[1] > heights[2]
    assert "0" not in words(read(gradient_flow(TOTAL, RESIDUAL, SHORTCUT, "en")))


def test_all_zero_is_drawn_as_zero() -> None:
    nothing = dict.fromkeys(TOTAL, 0.0)
    heights = {height for _, _, height in marks(read(gradient_flow(nothing, nothing, nothing, "en")))}
    assert len(heights) == 1


def test_a_norm_beyond_all_numbers_stands_at_the_top() -> None:
    burst = {"stage1.0": float("inf"), "stage1.1": float("nan"), "stage2.0": 1.0}
    heights = [height for _, _, height in marks(read(gradient_flow(burst, burst, burst, "en")))][:3]
    assert heights[0] == heights[1] < heights[2]
