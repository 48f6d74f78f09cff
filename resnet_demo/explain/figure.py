"""A figure for a paper: the photo, the map over it, its colours as a bar, a caption; saved as PDF or SVG."""

from __future__ import annotations

from functools import cache

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from PIL import Image

from resnet_demo.data.display import thumbnail
from resnet_demo.explain.explainer import Explanation
from resnet_demo.explain.placing import over_photo
from resnet_demo.texts import text

WIDTH = 6.5
"""Inches: the width of a page's text."""
SIDE = 1000
"""Pixels of the photo's longer side: 300 an inch and more."""
CHINESE = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", "SimHei")


def figure(
    looked: Explanation, photo: Image.Image, opacity: float, language: str, caption: str | None = None, target: int = 0
) -> Figure:
    """Draw one map of an explanation; `figure(…).savefig("daisy.pdf")`.

    Args:
        looked: what a method found.
        photo: the upright photo, perhaps decoded at reduced scale.
        opacity: of the colours over the photo, 0 to 1.
        language: of the words.
        caption: below the pictures; method, class and probability if absent.
        target: which of the explanation's maps.
    """
    guess, rival = looked.asked[target], looked.rivals[target]
    said = caption or text(
        "explain.figure.caption" if rival is None else "explain.figure.rather",
        language,
        method=looked.method.say(language),
        label=guess.label,
        other=rival or "",
        percent=f"{100 * guess.probability:.1f}",
    )
    small = thumbnail(photo, SIDE)
    drawn = Figure(figsize=(WIDTH, WIDTH * 0.46 * small.height / small.width + 0.6), layout="constrained")
    left, right = drawn.subplots(1, 2)
    _show(left, small)
    _show(right, Image.fromarray(over_photo(small, looked.size, looked.seen, looked.maps[target], opacity)))
    bar = drawn.colorbar(ScalarMappable(Normalize(0, 1), "inferno"), ax=right, shrink=0.9, ticks=(0, 1))
    bar.set_label(text("explain.figure.bar", language), fontproperties=_font(8))
    drawn.supxlabel(said, fontproperties=_font(9), parse_math=False)
    return drawn


def _show(axes: Axes, picture: Image.Image) -> None:
    axes.imshow(picture)
    axes.set_axis_off()


def _font(size: float) -> FontProperties:
    return FontProperties(family=_families(), size=size)


@cache
def _families() -> tuple[str, ...]:
    """A font for letters, and those of this machine that have Chinese ones too."""
    here = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in CHINESE if name in here))
