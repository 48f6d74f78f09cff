"""The picture of a confusion matrix: every number in its place, whatever the classes are called, however many."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from resnet_demo.plots.confusion_matrix import LONGEST_NAME, confusion_matrix
from resnet_demo.plots.svg import text_width

SVG = "{http://www.w3.org/2000/svg}"
NAMES = (
    "郁金香 <b>",
    "<script>alert(1)</script>",
    "a very long name of a class that never seems to end",
    '"&${x}{{y}}',
)


def drawn(classes: tuple[str, ...], counts: list[list[int]], *, pressable: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(  # noqa: S314  our own
        confusion_matrix(classes, counts, rows="Shown", columns="Said", alt_text="Two classes", pressable=pressable)
    )


def cells(picture: ElementTree.Element) -> dict[tuple[int, int], ElementTree.Element]:
    """The cells by row and column."""
    return {
        (int(one.attrib["data-row"]), int(one.attrib["data-column"])): one
        for one in picture
        if "data-row" in one.attrib
    }


def words(element: ElementTree.Element) -> list[str]:
    return [str(one.text) for one in element.iter(f"{SVG}text")]


def test_each_number_is_in_its_cell_and_none_is_in_an_empty_one() -> None:
    found = cells(drawn(("daisy", "rose"), [[7, 3], [0, 5]]))
    assert {place: words(cell) for place, cell in found.items()} == {(0, 0): ["7"], (0, 1): ["3"], (1, 1): ["5"]}
    boxes = {place: cell.find(f"{SVG}rect") for place, cell in found.items()}
    places = {
        place: (float(box.attrib["x"]), float(box.attrib["y"])) for place, box in boxes.items() if box is not None
    }
    assert places[0, 0][0] < places[0, 1][0] == places[1, 1][0]
    assert places[0, 0][1] == places[0, 1][1] < places[1, 1][1]


def test_the_shade_is_the_share_of_the_row_and_the_diagonal_has_its_own_colour() -> None:
    found = cells(drawn(("daisy", "rose"), [[70, 30], [1, 3]]))
    boxes = {place: box.attrib for place, cell in found.items() if (box := cell.find(f"{SVG}rect")) is not None}
    shades = {place: float(box["fill-opacity"]) for place, box in boxes.items()}
    assert shades[1, 0] < shades[0, 1] < shades[0, 0] < shades[1, 1]
    assert boxes[0, 0]["fill"] == boxes[1, 1]["fill"] != boxes[0, 1]["fill"] == boxes[1, 0]["fill"]


def test_names_stay_names() -> None:
    picture = drawn(NAMES, [[1] * 4] * 4)
    titles = {str(one.text) for one in picture.iter(f"{SVG}title")}
    assert set(NAMES) < titles
    assert f"{NAMES[0]} → {NAMES[1]}: 1" in titles
    shown = words(picture)
    assert NAMES[0] in shown
    assert NAMES[2] not in shown
    assert all(text_width(one) <= LONGEST_NAME for one in shown)
    assert not list(picture.iter(f"{SVG}script"))


def test_buttons_only_where_they_can_be_pressed() -> None:
    still, pressable = (drawn(("daisy", "rose"), [[7, 3], [0, 5]], pressable=way) for way in (False, True))
    assert (still.attrib["role"], pressable.attrib["role"]) == ("img", "group")
    assert still.attrib["aria-label"] == "Two classes"
    assert not any("role" in cell.attrib for cell in cells(still).values())
    assert [cell.attrib["role"] for cell in cells(pressable).values()] == ["button"] * 3
    assert cells(pressable)[0, 1].attrib["aria-label"] == "daisy → rose: 3"


@pytest.mark.parametrize("count", [0, 1, 2, 12, 40])
def test_everything_is_inside_the_picture_and_can_be_read(count: int) -> None:
    names = tuple(f"class number {number}" for number in range(count))
    picture = drawn(names, [[1234 if row == column else row % 3 for column in range(count)] for row in range(count)])
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for cell in cells(picture).values():
        box, number = cell.find(f"{SVG}rect"), cell.find(f"{SVG}text")
        assert box is not None
        assert number is not None
        x, y, side = (float(box.attrib[name]) for name in ("x", "y", "width"))
        assert x + side <= width
        assert y + side <= height
        size = float(number.attrib["font-size"])
        assert text_width(str(number.text), size) <= side
        assert size >= 7
    smallest = re.search(r"min-width:(\d+)px", picture.attrib["style"])
    assert smallest is not None
    assert int(smallest[1]) >= 0.79 * width
