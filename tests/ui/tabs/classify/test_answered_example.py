"""The answer that the page shows before any photo is dropped is what the built-in model answers today."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_demo.settings import Settings
from resnet_demo.ui.tabs.classify.answered_example import EXAMPLES, answer
from tests.ui.tabs.classify.answer_of_example import compute


def test_it_is_what_comes_out(tmp_path: Path) -> None:
    guesses, picture = compute(Settings(home=tmp_path))
    assert [label for label, _ in answer()] == [label for label, _ in guesses]
    assert [value for _, value in answer()] == pytest.approx([value for _, value in guesses], abs=0.005)
    with Image.open(EXAMPLES / "answer.webp") as stored:
        difference = np.abs(np.asarray(stored.convert("RGB"), dtype=float) - np.asarray(picture, dtype=float))
    assert difference.mean() < 4  # what compression leaves; another map differs by far more
