"""The bars under a photo, read as a browser and a screen reader do."""

from __future__ import annotations

import re

import pytest

from resnet_demo.inference import Guess
from resnet_demo.ui.bars import bars, percent


def test_bars() -> None:
    html = bars([Guess("<b>rose</b>", 1, 0.98765), Guess("tulip", 2, 0.0121)])
    assert "<b>" not in html
    assert re.findall("<h2>(.*?)</h2>", html) == ["&lt;b&gt;rose&lt;/b&gt;"]
    assert re.findall(r"<li><span>(.*?)</span> <span>(.*?)</span>", html) == [
        ("&lt;b&gt;rose&lt;/b&gt;", "98.8 %"),
        ("tulip", "1.2 %"),
    ]
    assert re.findall(r"width: ([\d.]+)%", html) == ["98.77", "1.21"]


@pytest.mark.parametrize(
    ("probability", "said"), [(1.0, "100.0 %"), (0.0005, "0.1 %"), (0.0004, "&lt; 0.1 %"), (0.0, "&lt; 0.1 %")]
)
def test_percent(probability: float, said: str) -> None:
    assert percent(probability) == said
