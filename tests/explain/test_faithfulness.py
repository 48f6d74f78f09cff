"""Deletion and insertion by hand: networks whose answer is a known share of the photo that is left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_demo.explain.faithfulness import Curves, Faithfulness, faithfulness
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
EDGE = (slice(None), slice(0, SIDE // 4))


def test_areas_by_hand() -> None:
    curves = Curves(deletion=(1.0, 0.5, 0.0), insertion=(0.0, 1.0, 1.0))
    assert (curves.deletion_area, curves.insertion_area) == (0.5, 0.75)


def test_what_is_taken_away_is_gone_and_what_is_shown_is_there() -> None:
    heat = np.random.default_rng(0).random((4, 4), dtype=np.float32)
    found = faithfulness(share_of(EVERYWHERE), torch.ones(1, 3, SIDE, SIDE), heat, WANTED, steps=64, random_maps=2)
    for curves in (found.curves, *found.random):
        np.testing.assert_allclose(curves.deletion, np.linspace(1, 0, 65), atol=1e-4)
        np.testing.assert_allclose(curves.insertion, np.ones(65), atol=1e-4)  # blurred white is white
    assert found.verdict().key != "explain.faithful.better"


def test_a_true_map_beats_random_ones_and_a_false_one_does_not() -> None:
    photo = torch.zeros(1, 3, SIDE, SIDE)
    photo[:, :, *EDGE] = 1  # a blur takes some of it away
    true = np.zeros((4, 4), dtype=np.float32)
    true[:, :1] = 1
    network = share_of(EDGE)
    told: list[tuple[int, int]] = []
    found = faithfulness(network, photo, true, WANTED, progress=lambda *step: told.append(step))
    assert found.beaten_by_deletion == found.beaten_by_insertion == len(found.random) == 9
    assert told == [(done, 10) for done in range(11)]
    # The map's quarter of the photo is all there is: gone at a quarter of the way, and not before.
    np.testing.assert_allclose(found.curves.deletion, [1, 0.6, 0.2, *[0] * 8], atol=0.01)
    false = faithfulness(network, photo, 1 - true, WANTED)
    assert false.beaten_by_deletion == false.beaten_by_insertion == 0
    assert "better" in found.verdict().say()
    assert "no better than random: it beats 0 of 9 random maps in deletion and 0 in insertion" in false.verdict().say()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_map_that_is_better_in_one_way_only_is_said_to_be_so(language: str) -> None:
    good, bad, poor = Curves((1, 0, 0), (0, 1, 1)), Curves((1, 1, 0), (0, 0, 1)), Curves((1, 0.5, 0), (0, 0.5, 1))
    judged = {
        kind: Faithfulness(curves, (poor, poor, poor)).verdict()
        for kind, curves in {
            "better": good,
            "only_deletion": Curves(good.deletion, bad.insertion),
            "only_insertion": Curves(bad.deletion, good.insertion),
            "no_better": bad,
        }.items()
    }
    for kind, verdict in judged.items():
        assert verdict.key == f"explain.faithful.{kind}"
    assert len({verdict.say(language) for verdict in judged.values()}) == 4
    assert "0" in judged["only_deletion"].say(language)


def test_an_empty_map_is_a_random_one() -> None:
    found = faithfulness(share_of(LEFT), torch.ones(1, 3, SIDE, SIDE), np.zeros((4, 4), np.float32), WANTED)
    assert found.verdict().key != "explain.faithful.better"
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
