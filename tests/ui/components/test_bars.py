"""The bars under a photo, read as a browser and a screen reader do."""

from __future__ import annotations

import re

import pytest

from resnet_demo.inference import Guess
from resnet_demo.models.class_names import class_names
from resnet_demo.ui.components.bars import bars, percent


def test_bars() -> None:
    html = bars(
        [Guess("<b>rose</b>", 1, 0.98765), Guess("tulip", 2, 0.0121)], class_names(("<b>rose</b>", "tulip"), "zh-CN")
    )
    assert "<b>" not in html
    assert re.findall("<h2>(.*?)</h2>", html) == ["&lt;b&gt;rose&lt;/b&gt;"]
    assert re.findall(r"<li><span>(.*?)</span> <span>(.*?)</span>", html) == [
        ("&lt;b&gt;rose&lt;/b&gt;", "98.8 %"),
        ("tulip", "1.2 %"),
    ]
    assert re.findall(r"width: ([\d.]+)%", html) == ["98.77", "1.21"]


def test_known_classes_are_named_in_the_readers_language() -> None:
    flowers = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    guesses = [Guess("roses", 2, 0.9), Guess("tulips", 4, 0.1)]
    chinese, english = (bars(guesses, class_names(flowers, language)) for language in ("zh-CN", "en"))
    assert re.findall("<h2>(.*?)</h2>|<li><span>(.*?)</span>", chinese) == [
        ("玫瑰（roses）", ""),
        ("", "玫瑰（roses）"),
        ("", "郁金香（tulips）"),
    ]
    assert chinese.replace("玫瑰（roses）", "roses").replace("郁金香（tulips）", "tulips") == english


@pytest.mark.parametrize(
    ("probability", "said"), [(1.0, "100.0 %"), (0.0005, "0.1 %"), (0.0004, "&lt; 0.1 %"), (0.0, "&lt; 0.1 %")]
)
def test_percent(probability: float, said: str) -> None:
    assert percent(probability) == said
