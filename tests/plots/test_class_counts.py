"""Counts as bars: as long as the numbers say, any number of classes, any name."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest

from resnet_demo.plots.class_counts import BARS_END, BARS_START, MOST_BARS, Bar, class_counts, shortened

SVG = "{http://www.w3.org/2000/svg}"
PARTS = ("train", "validation", "test")


def drawn(bars: Sequence[Bar], parts: Sequence[str] = PARTS) -> ET.Element:
    svg = class_counts(bars, parts, alt_text="so many", between=lambda rest: f"{len(rest)} between")
    return ET.fromstring(svg)  # noqa: S314  our own


def words(picture: ET.Element) -> list[str]:
    return [str(text.text) for text in picture.iter(f"{SVG}text")]


def percent(rect: ET.Element, name: str) -> float:
    return float(rect.attrib[name].removesuffix("%"))


def test_bars_are_as_long_as_the_numbers_say() -> None:
    picture = drawn([Bar("cats", (60, 20, 20)), Bar("dogs", (10, 0, 40))])
    rects = [rect for rect in picture.iter(f"{SVG}rect") if rect.attrib["width"].endswith("%")]
    room = BARS_END - BARS_START
    widths = [percent(rect, "width") / room for rect in rects]
    assert widths == pytest.approx([0.6, 0.2, 0.2, 0.1, 0.4], abs=1e-3)
    starts = [(percent(rect, "x") - BARS_START) / room for rect in rects]
    assert starts == pytest.approx([0, 0.6, 0.8, 0, 0.1], abs=1e-3)
    looks = [(rect.attrib["fill"], rect.attrib.get("opacity")) for rect in rects]
    assert len(set(looks)) == 3
    assert words(picture) == [*PARTS, "cats", "100", "dogs", "50"]
    assert picture.attrib["aria-label"] == "so many"


def test_one_part_needs_no_legend() -> None:
    assert words(drawn([Bar("cats", (3,)), Bar("dogs", (1_234,))], ("all",))) == ["cats", "3", "dogs", "1,234"]


@pytest.mark.parametrize("classes", [2, MOST_BARS, MOST_BARS + 1, 1_000])
def test_many_classes_are_folded_between_the_largest_and_the_smallest(classes: int) -> None:
    picture = drawn([Bar(f"c{number}", (number + 1,)) for number in range(classes)], ("all",))
    said = words(picture)
    assert float(picture.attrib["height"]) <= MOST_BARS * 22
    assert {"c0", f"c{classes - 1}"} <= set(said)
    rows = sum(word.startswith("c") for word in said)
    folded = [word for word in said if word.endswith("between")]
    assert folded == ([] if classes <= MOST_BARS else [f"{classes - rows} between"])
    assert rows == min(classes, MOST_BARS if classes <= MOST_BARS else MOST_BARS - 1)


def test_names_of_any_kind() -> None:
    names = ["<script>alert(1)</script>", "郁金香" * 30, "a" * 200, 'quo"te & co', "x"]
    picture = drawn([Bar(name, (1, 1, 1)) for name in names])
    assert not list(picture.iter("script"))
    assert [title.text for title in picture.iter(f"{SVG}title")] == names
    shown = [word for word in words(picture) if not word.isdecimal()][len(PARTS) :]
    assert [word.endswith("…") for word in shown] == [True, True, True, False, False]
    assert shown[1].startswith("郁金香")
    assert shortened("tulips") == "tulips"


def test_no_photo_in_any_class() -> None:
    assert words(drawn([Bar("cats", (0, 0, 0))]))[-1] == "0"
