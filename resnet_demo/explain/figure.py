"""A figure for a paper, as PDF or SVG: the photo, the overlay, a colour bar and a caption."""

from __future__ import annotations

from collections.abc import Sequence
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
from resnet_demo.explain.overlay import overlay_map
from resnet_demo.models.class_names import class_names
from resnet_demo.texts import text

WIDTH = 6.5
"""Inches: the width of a page's text."""
SIDE = 1000
"""Pixels of the photo's longer side: 300 an inch and more."""
CHINESE = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", "SimHei")


def figure(
    explanation: Explanation,
    photo: Image.Image,
    opacity: float,
    language: str,
    caption: str | None = None,
    target: int = 0,
    labels: Sequence[str] = (),
) -> Figure:
    """Draw one map of an explanation; `figure(…).savefig("daisy.pdf")`.

    Args:
        explanation: the explanation.
        photo: the upright photo, perhaps decoded at reduced scale.
        opacity: of the overlay, 0 to 1.
        language: of the labels.
        caption: text below the pictures; method, class and probability if absent.
        target: the number of the explanation's map.
        labels: of the model; where its classes are known, the caption names them in `language`.
    """
    names = class_names(labels, language)
    guess, rival = explanation.target_classes[target], explanation.contrast_classes[target]
    caption_text = caption or text(
        "explain.figure.caption" if rival is None else "explain.figure.rather",
        language,
        method=explanation.method.title(language),
        label=names.full(guess.label),
        other=names.full(rival or ""),
        percent=f"{100 * guess.probability:.1f}",
    )
    small = thumbnail(photo, SIDE)
    drawn = Figure(figsize=(WIDTH, WIDTH * 0.46 * small.height / small.width + 0.6), layout="constrained")
    left, right = drawn.subplots(1, 2)
    _show(left, small)
    _show(
        right,
        Image.fromarray(overlay_map(small, explanation.size, explanation.seen, explanation.maps[target], opacity)),
    )
    bar = drawn.colorbar(ScalarMappable(Normalize(0, 1), "inferno"), ax=right, shrink=0.9, ticks=(0, 1))
    bar.set_label(text("explain.figure.bar", language), fontproperties=_font(8))
    drawn.supxlabel(caption_text, fontproperties=_font(9), parse_math=False)
    return drawn


def _show(axes: Axes, picture: Image.Image) -> None:
    axes.imshow(picture)
    axes.set_axis_off()


def _font(size: float) -> FontProperties:
    return FontProperties(family=_families(), size=size)


@cache
def _families() -> tuple[str, ...]:
    """A Latin font, and the installed fonts with Chinese characters."""
    here = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in CHINESE if name in here))
