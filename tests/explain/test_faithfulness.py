"""Deletion and insertion by hand: networks whose answer is a known share of the photo that is left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_demo.explain.faithfulness import Curves, faithfulness
from resnet_demo.texts import LANGUAGES

SIDE = 16
WANTED = torch.tensor([1.0, 0.0])


def share_of(area: tuple[slice, slice]):
    """A network that finds its first class as probable as a part of the photo is bright."""

    def network(images: Tensor) -> Tensor:
        probability = images[:, 0, *area].mean(dim=(1, 2)).clamp(1e-6, 1 - 1e-6)
        return torch.stack([probability.log(), (1 - probability).log()], dim=1)

    return network


EVERYWHERE = (slice(None), slice(None))
LEFT = (slice(None), slice(0, SIDE // 2))


def test_areas_by_hand() -> None:
    curves = Curves(deletion=(1.0, 0.5, 0.0), insertion=(0.0, 1.0, 1.0))
    assert (curves.deletion_area, curves.insertion_area, curves.score) == (0.5, 0.75, 0.25)


def test_what_is_taken_away_is_gone_and_what_is_shown_is_there() -> None:
    heat = np.random.default_rng(0).random((4, 4), dtype=np.float32)
    found = faithfulness(share_of(EVERYWHERE), torch.ones(1, 3, SIDE, SIDE), heat, WANTED, steps=64, random_maps=2)
    for curves in (found.curves, *found.random):
        np.testing.assert_allclose(curves.deletion, np.linspace(1, 0, 65), atol=1e-4)
        np.testing.assert_allclose(curves.insertion, np.ones(65), atol=1e-4)  # blurred white is white
    assert not found.better_than_random


def test_a_true_map_beats_random_ones_and_a_false_one_does_not() -> None:
    photo = torch.zeros(1, 3, SIDE, SIDE)
    photo[:, :, :, ::2] = 1  # stripes, so that a blur takes something away
    true = np.zeros((4, 4), dtype=np.float32)
    true[:, :2] = 1
    network = share_of(LEFT)
    told: list[tuple[int, int]] = []
    found = faithfulness(network, photo, true, WANTED, progress=lambda *step: told.append(step))
    assert found.better_than_random
    assert found.beaten == len(found.random) == 9
    assert told == [(done, 10) for done in range(11)]
    # Half of the photo is all there is: gone at half of the way, and not before.
    np.testing.assert_allclose(found.curves.deletion, [0.5, 0.4, 0.3, 0.2, 0.1, *[0] * 6], atol=0.06)
    false = faithfulness(network, photo, 1 - true, WANTED)
    assert not false.better_than_random
    assert false.beaten == 0
    assert "better" in found.verdict().say()
    assert "no better than random: of 9 random maps only 0" in false.verdict().say()
    for language in LANGUAGES:
        assert found.verdict().say(language) != false.verdict().say(language)


def test_an_empty_map_is_a_random_one() -> None:
    found = faithfulness(share_of(LEFT), torch.ones(1, 3, SIDE, SIDE), np.zeros((4, 4), np.float32), WANTED)
    assert not found.better_than_random
    np.testing.assert_allclose(found.curves.deletion_area, 0.5, atol=0.04)


def test_the_same_question_gets_the_same_judgement() -> None:
    heat = np.random.default_rng(0).random((4, 4), dtype=np.float32)
    asked = (share_of(LEFT), torch.rand(1, 3, SIDE, SIDE), heat, WANTED)
    assert faithfulness(*asked, random_maps=2) == faithfulness(*asked, random_maps=2)


def test_of_two_classes_it_is_asked_which_one() -> None:
    photo, heat = torch.ones(1, 3, SIDE, SIDE), np.ones((2, 2), np.float32)
    rather = faithfulness(share_of(EVERYWHERE), photo, heat, torch.tensor([1.0, -1.0]), random_maps=1)
    assert rather.curves.deletion[0] == pytest.approx(1, abs=1e-4)
    assert rather.curves.deletion[-1] == pytest.approx(0, abs=1e-4)
