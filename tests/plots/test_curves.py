"""Curves: every point in its place, every line told apart, the same frame whatever has come so far."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from resnet_demo.plots.curves import COLOURS, DASHES, MOST_LINES, MOST_MARKS, SHAPES, Axis, Line, curves, sample

SVG = "{http://www.w3.org/2000/svg}"
EPOCHS, LOSS = Axis(0, 10, "Epochs"), Axis(0, 2, "Loss")


def drawn(*lines: Line) -> ElementTree.Element:
    return ElementTree.fromstring(curves(lines, EPOCHS, LOSS, alt_text="Loss falls."))  # noqa: S314  our own


def paths(picture: ElementTree.Element, number: int) -> list[list[tuple[float, float]]]:
    """The places of each stroke of a line's colour that is no mark."""
    found = [path for path in picture.iter(f"{SVG}path") if path.get("stroke") == COLOURS[number]]
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path.get("d", ""))]
        for path in found
        if "h" not in path.get("d", "")
    ]


def marks(picture: ElementTree.Element, number: int) -> int:
    return sum(path.get("fill") == COLOURS[number] for path in picture.iter(f"{SVG}path"))


def test_points_lie_where_the_axes_say() -> None:
    picture = drawn(Line("training", [(0, 2), (5, 1), (10, 0)]))
    [[first, middle, last]] = paths(picture, 0)
    assert first[0] < middle[0] < last[0]
    assert first[1] < middle[1] < last[1]  # downwards
    assert abs((first[0] + last[0]) / 2 - middle[0]) < 0.11
    assert abs((first[1] + last[1]) / 2 - middle[1]) < 0.11
    grid = [path.get("d", "") for path in picture.iter(f"{SVG}path") if path.get("stroke") == "currentColor"]
    assert f"M{first[0]:.1f} {first[1]:.1f}H{last[0]:.1f}" in grid  # 2, the top of the axis
    assert f"M{first[0]:.1f} {last[1]:.1f}H{last[0]:.1f}" in grid


def test_what_is_over_the_top_stays_in_the_frame() -> None:
    [[inside, outside]] = paths(drawn(Line("a", [(0, 2), (1, 900)])), 0)
    assert inside[1] == outside[1]


def test_a_plot_that_grows_keeps_its_frame() -> None:
    few = [(float(x), 1.0) for x in range(3)]
    before, after = drawn(Line("a", few)), drawn(Line("a", [*few, (3.0, 0.5)]))
    assert before.get("viewBox") == after.get("viewBox")
    assert [words.text for words in before.iter(f"{SVG}text")] == [words.text for words in after.iter(f"{SVG}text")]
    assert paths(after, 0)[0][:3] == paths(before, 0)[0]


def test_lines_are_told_apart_without_colours() -> None:
    assert len(COLOURS) == len(set(COLOURS)) == len(set(DASHES)) == len(set(SHAPES)) == MOST_LINES
    picture = drawn(*(Line(f"run {number}", [(0, 1), (9, 1)], marked=True) for number in range(MOST_LINES)))
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert [f"run {number}" in words for number in range(MOST_LINES)] == [True] * MOST_LINES
    assert all(SHAPES[number] in sample(number) and COLOURS[number] in sample(number) for number in range(MOST_LINES))


def test_many_points_have_few_marks_and_the_newest_has_one() -> None:
    points = [(x / 20, 1.0) for x in range(200)]
    picture = drawn(Line("a", points, marked=True))
    assert MOST_MARKS / 2 < marks(picture, 0) - 1 <= MOST_MARKS  # one is in the legend
    x, y = paths(picture, 0)[0][-1]
    places = [path.get("transform") for path in picture.iter(f"{SVG}path")]
    assert f"translate({x:.1f} {y:.1f})" in places


def test_long_names_are_broken_into_rows_inside_the_frame() -> None:
    picture = drawn(*(Line(f"20261121-104629-some-flowers-resnet50-{number}", [(0, 1)]) for number in range(4)))
    rows = {words.get("y") for words in picture.iter(f"{SVG}text") if (words.text or "").startswith("2026")}
    assert len(rows) == 4
    width = float(picture.get("viewBox", "").split()[2])
    assert all(float(words.get("x", 0)) < width for words in picture.iter(f"{SVG}text"))


def test_nothing_yet_is_an_empty_frame() -> None:
    picture = drawn(Line("training", []), Line("", [], marked=True))
    assert paths(picture, 0) == [[]]
    assert "Epochs" in {words.text for words in picture.iter(f"{SVG}text")}
    assert picture.get("aria-label") == "Loss falls."


def test_a_gap_is_no_line() -> None:
    picture = drawn(Line("a", [(0, 2), (2, 1), (4, None), (6, 1), (8, 0)], marked=True))
    [path] = [path for path in picture.iter(f"{SVG}path") if path.get("stroke") == COLOURS[0] and _is_line(path)]
    assert [piece.count("L") for piece in path.get("d", "").split("M")[1:]] == [1, 1]
    assert marks(picture, 0) == 1 + 4


def test_lines_of_one_style_and_thin_ones() -> None:
    picture = drawn(Line("", [(0, 1), (1, 1)], style=3, thin=True), Line("mean", [(0, 1), (1, 1)], style=3))
    thin, thick = [one for one in picture.iter(f"{SVG}path") if one.get("stroke") == COLOURS[3] and _is_line(one)]
    assert float(thin.get("stroke-width", 9)) < float(thick.get("stroke-width", 0))
    assert thin.get("stroke-dasharray") == thick.get("stroke-dasharray") == DASHES[3]
    assert paths(picture, 0) == paths(picture, 1) == []


def test_what_is_not_joined_has_a_mark_for_each_point() -> None:
    many = 3 * MOST_MARKS
    picture = drawn(Line("a", [(x / many, 1) for x in range(many)], marked=True, joined=False))
    assert paths(picture, 0) == []
    assert marks(picture, 0) == 1 + many


def test_a_log_axis_has_equal_steps_for_equal_factors() -> None:
    line = Line("a", [(0, 100), (5, 10), (10, 0.1)])
    svg = curves([line], EPOCHS, Axis(1, 1, "Norm", log=True), alt_text="Falls.")
    picture = ElementTree.fromstring(svg)  # noqa: S314  our own
    [[first, middle, last]] = paths(picture, 0)
    assert abs((last[1] - first[1]) - 3 * (middle[1] - first[1])) < 0.3
    assert {"10⁻¹", "10⁰", "10¹", "10²"} <= {words.text for words in picture.iter(f"{SVG}text")}


def test_a_horizontal_axis_may_fall_and_have_its_own_numbers() -> None:
    across = Axis(1, 0.5, "tau", ticks={1: "same", 0.5: "half"})
    svg = curves([Line("a", [(1, 0), (0.5, 2)])], across, LOSS, alt_text="Rises.")
    picture = ElementTree.fromstring(svg)  # noqa: S314  our own
    [[first, last]] = paths(picture, 0)
    assert first[0] < last[0]
    places = {words.text: float(words.get("x", 0)) for words in picture.iter(f"{SVG}text")}
    assert (places["same"], places["half"]) == (first[0], last[0])


def _is_line(path: ElementTree.Element) -> bool:
    return "h" not in path.get("d", "")
