"""Any result has figures that a browser can read, however far it has come, in both languages and with any names."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest

from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.plots.experiments.figures import figures
from resnet_demo.plots.experiments.measured import mean_curve
from resnet_demo.texts import LANGUAGES, all_texts
from tests.plots.drawn_svg import Node, all_of, words
from tests.plots.experiments.drawn import EVERY_RESULT, alt_text, caption, figures_of, svg

HOSTILE = "<script>alert('1')</script> & \"x\" ${1} {gap}"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every list, mapping and entry of a result with the way to it; of long rows of numbers the ends."""
    yield path, value
    if isinstance(value, dict):
        alike = all(isinstance(inside, int | float) for inside in value.values())
        names = list(value)
        for name in [names[0], names[-1]] if alike and len(names) > 4 else names:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for place in sorted({0, len(value) - 1} if len(value) > 2 else range(len(value))):
            yield from places(value[place], (*path, place))


def changed(result: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a place; `...` takes the place away."""
    if not path:
        return result
    result = copy.deepcopy(result)
    inside: Any = result
    for step in path[:-1]:
        inside = inside[step]
    if value is ...:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return result


def unfinished(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the result may have been before it was whole, or without what is no finite number."""
    for path, value in places(result):
        if not path or path[0] in {"experiment", "note", "command", "machine"}:
            continue
        if not isinstance(path[-1], int):
            yield changed(result, path, ...)
        if isinstance(value, list):
            yield from (changed(result, path, value[:count]) for count in (0, len(value) // 2))
        elif isinstance(value, dict):
            yield changed(result, path, {})
        elif isinstance(value, int | float) or value is None:
            yield from (changed(result, path, other) for other in (None, math.inf, 0))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY_RESULT)
def test_pictures_fit_and_speak(name: str, language: str) -> None:
    found = figures_of(EVERY_RESULT[name], language)
    assert len(found) > 0
    for figure in found:
        assert len(caption(figure)) > 5
        assert not any(gap in "".join(figure.itertext()) for gap in ("{", "}", "None", "nan"))
        for picture in all_of(figure, "svg"):
            assert picture.get("role") == "img"
            width, height = (float(side) for side in picture.attrib["viewBox"].split()[2:])
            assert width == 360
            assert len(alt_text(figure)) > 10
            assert any(letter.isdigit() for letter in alt_text(figure))
            for node in all_of(picture, "text"):
                assert 0 <= float(node.attrib["x"]) <= width
                assert 0 < float(node.attrib["y"]) <= height
                assert node.get("font-size") is None  # no smaller than all others


@pytest.mark.parametrize("name", EVERY_RESULT)
def test_no_unfinished_result_is_too_little(name: str) -> None:
    for number, result in enumerate(unfinished(EVERY_RESULT[name])):
        figures_of(result, ("en", "zh-CN")[number % 2])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_nothing_measured_yet(name: str) -> None:
    assert isinstance(figures({"experiment": name}, "en"), str)
    assert figures({"experiment": "no such"}, "en") == figures({}, "en") == ""


@pytest.mark.parametrize("name", EVERY_RESULT)
def test_names_cannot_break_out(name: str) -> None:
    """Whatever is a word in a result may come from a file of anybody's."""
    result = EVERY_RESULT[name]
    for path, value in places(result):
        if path and path[0] not in {"experiment", "note"} and isinstance(value, str):
            drawn = figures(changed(result, path, HOSTILE), "en")
            assert "<script" not in drawn
            figures_of(changed(result, path, HOSTILE))


def test_both_languages_say_their_own(subtests: pytest.Subtests) -> None:
    for name, result in EVERY_RESULT.items():
        with subtests.test(name):
            english, chinese = (figures_of(result, language) for language in ("en", "zh-CN"))
            assert len(english) == len(chinese)
            assert all(a != b for a, b in zip(map(caption, english), map(caption, chinese), strict=True))


def test_colours_follow_the_page() -> None:
    for result in EVERY_RESULT.values():
        for figure in figures_of(result):
            for picture in all_of(figure, "svg"):
                assert picture.get("fill") == "currentColor"
                assert all(node.get("fill") is None for node in all_of(picture, "text"))


def test_a_mean_is_of_those_that_have_come_as_far() -> None:
    assert mean_curve([[0.4, 0.2], [0.2, 0.4], [0.9]]) == pytest.approx([0.3, 0.3])
    assert mean_curve([[0.4, None], [0.2, 0.4]]) == [pytest.approx(0.3), None]
    assert mean_curve([]) == mean_curve([[], []]) == []


def test_every_word_is_a_text() -> None:
    """No letter in a picture that is not in the texts or in the result."""
    english = " ".join(all_texts("en").values())
    for figure in figures_of(EVERY_RESULT["gradients-56"]):
        for one in all_of(figure, "svg"):
            assert all(word in english or not word[0].isalpha() for word in words(one) if word), words(svg(figure))


def test_a_caption_in_chinese_has_no_spaces_between_sentences() -> None:
    found: list[Node] = figures_of(EVERY_RESULT["degradation-cifar10"], "zh-CN")
    assert all("。 " not in caption(figure) for figure in found)
