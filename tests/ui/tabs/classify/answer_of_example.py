"""Computes what the page shows as an answered example; run as a script, writes it to `assets/examples`."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from resnet_demo.explain.explainer import Explainer
from resnet_demo.explain.methods import DEFAULT_METHOD, METHODS
from resnet_demo.explain.overlay import OPACITY, overlay_map
from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import Settings
from resnet_demo.ui.tabs.classify.answered_example import EXAMPLES, PHOTO


def compute(settings: Settings) -> tuple[list[tuple[str, float]], Image.Image]:
    """The built-in model's classes with their probabilities, and the photo under the map of the first class."""
    classifier = Classifier(open_model("flowers", settings), settings, device="cpu")
    [prediction] = classifier.classify([PHOTO])
    [found] = Explainer(classifier).explain([PHOTO], [METHODS[DEFAULT_METHOD]])
    with Image.open(PHOTO) as photo:
        blended = overlay_map(photo.convert("RGB"), found.size, found.seen, found.maps[0], OPACITY)
    return [(guess.label, guess.probability) for guess in prediction.guesses], Image.fromarray(np.asarray(blended))


if __name__ == "__main__":
    answer, picture = compute(Settings())
    rounded = [[label, round(value, 4)] for label, value in answer]
    (EXAMPLES / "answer.json").write_text(json.dumps(rounded) + "\n", encoding="utf-8")
    picture.save(EXAMPLES / "answer.webp", quality=82)
