"""The plot of networks: points where the numbers are, each with its title; names that cover nothing."""

from __future__ import annotations

import math
import re

import pytest

from resnet_demo.plots.family import Point, family
from tests.plots.drawn_svg import Node, all_of, named, read, words

POINTS = [
    Point("small", 1e6, 60.0, "small <1>"),
    Point("middle", 1e7, 70.0, "middle", guest=True),
    Point("large", 1e8, 80.0, "large"),
]


def place(node: Node) -> tuple[float, float]:
    mark = next(path for path in all_of(node, "path") if "translate" in path.attrib.get("transform", ""))
    x, y = re.findall(r"[\d.]+", mark.attrib["transform"])[:2]
    return float(x), float(y)


def test_points_are_where_the_numbers_are() -> None:
    points = named(read(family(POINTS, "parameters", "en")))
    (x1, y1), (x2, y2), (x3, y3) = (place(points[one.name]) for one in POINTS)
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)  # powers of ten
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2)
    assert y3 < y1
    assert [next(all_of(node, "title")).text for node in points.values()] == ["small <1>", "middle", "large"]


def test_guests_are_marked_and_the_legend_tells() -> None:
    picture = read(family(POINTS, "multiply_adds", "en"))
    fills = {name: next(all_of(node, "path")).attrib["fill"] for name, node in named(picture).items()}
    assert fills["small"] == fills["large"] != fills["middle"]
    assert {"ResNet family", "other networks"} <= set(words(picture))
    assert "other networks" not in words(read(family(POINTS[::2], "multiply_adds", "en")))
    assert "large with 80.0 %" in picture.attrib["aria-label"]


def test_the_axis_has_round_numbers() -> None:
    said = words(read(family(POINTS, "parameters", "zh-CN")))
    assert {"1", "2", "5", "10", "20", "50", "100"} <= set(said)
    assert "参数量（百万，对数刻度）" in said


def test_names_of_near_points_do_not_cover_each_other() -> None:
    near = [Point(f"network{index}", 1e7 * (1 + index / 50), 75 + index / 20, "") for index in range(6)]
    picture = read(family(near, "parameters", "en"))
    lines = []
    for name, node in named(picture).items():
        text = next(all_of(node, "text"))
        long = 0.56 * 11 * len(name)
        left = float(text.attrib["x"]) - {"start": 0, "middle": long / 2, "end": long}[text.attrib["text-anchor"]]
        lines.append((left, float(text.attrib["y"]), long))
    for index, (left, y, long) in enumerate(lines):
        for other, other_y, _ in lines[index + 1 :]:
            assert abs(y - other_y) > 8 or abs(left - other) >= long - 1
        assert left >= 0
        assert left + long <= 640
    assert all(math.isfinite(number) for line in lines for number in line)
