"""A figure for a paper: as PDF and as SVG, in any language, whatever a class is called."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from resnet_demo.explain.explainer import Explanation
from resnet_demo.explain.figure import SIDE, figure
from resnet_demo.explain.methods import METHODS
from resnet_demo.inference import Guess
from resnet_demo.texts import text

LOOKED = Explanation(
    "photo.jpg",
    METHODS["gradcam"],
    (Guess("tulips", 2, 0.98), Guess("$x_{1}$ & <b>", 1, 0.015)),
    np.random.default_rng(0).random((2, 7, 7), dtype=np.float32),
    (2400, 1600),
    (400.0, 0.0, 2000.0, 1600.0),
    (None, "roses"),
)
PHOTO = Image.effect_noise((2400, 1600), 50).convert("RGB")


@pytest.mark.parametrize(("form", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
@pytest.mark.parametrize("target", [0, 1])
def test_it_is_saved_whole(form: str, start: bytes, target: int) -> None:
    file = io.BytesIO()
    drawn = figure(LOOKED, PHOTO, 0.6, "en", target=target)
    drawn.savefig(file, format=form)
    assert file.getvalue().startswith(start)
    photo, overlay, bar = drawn.axes
    assert photo.get_images()[0].get_array().shape == overlay.get_images()[0].get_array().shape == (667, SIDE, 3)
    assert bar.get_ylabel() == "evidence"


def test_the_caption_says_method_class_and_probability_or_what_one_likes() -> None:
    assert figure(LOOKED, PHOTO, 0.6, "en").get_supxlabel() == 'Grad-CAM for "tulips" (98.0 %)'
    assert figure(LOOKED, PHOTO, 0.6, "en", "Figure 3.").get_supxlabel() == "Figure 3."


def test_known_classes_are_named_in_the_language_of_the_caption() -> None:
    flowers = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert "郁金香（tulips）" in figure(LOOKED, PHOTO, 0.6, "zh-CN", labels=flowers).get_supxlabel()
    assert "郁金香" not in figure(LOOKED, PHOTO, 0.6, "zh-CN", labels=flowers[:-1]).get_supxlabel()


def test_of_two_classes_the_caption_names_both() -> None:
    drawn = figure(LOOKED, PHOTO, 0.5, "en", target=1)
    assert drawn.get_supxlabel() == text(
        "explain.figure.rather", method="Grad-CAM", label="$x_{1}$ & <b>", other="roses", percent="1.5"
    )
