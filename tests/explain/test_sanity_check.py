"""Maps of a network that forgets, on a copy of it; and the correlation that compares them."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from resnet_demo.explain.methods import METHODS
from resnet_demo.explain.saliency_maps import explain
from resnet_demo.explain.sanity_check import SanityCheck, randomise, rank_correlation, sanity_check
from resnet_demo.inference import Classifier, open_model
from resnet_demo.models import variants
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES
from tests.explain.networks import assert_same_state, images, lively, state


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_preact_resnet20", "plain18"])
def test_the_parts_forget_one_after_the_other_in_a_copy(name: str) -> None:
    network, image = lively(name), images(1)
    before = state(network)
    wanted = torch.eye(5)[2]
    found = sanity_check(network, image, METHODS["eigencam"], "stage1", wanted, seeds=2)
    assert list(found.similarity) == ["head", *reversed(network.stage_names), "stem"]
    # What leaves stage 1 does not know of what comes after it.
    *after, stage1, stem = found.similarity.values()
    assert after == pytest.approx([1] * len(after))
    assert stage1 < 0.99
    assert stem < 0.99
    assert_same_state(network, before)


def test_forgetting_leaves_nothing_of_what_was_learned() -> None:
    learned, forgetful, again = (copy.deepcopy(lively("cifar_resnet20")) for _ in range(3))
    for network in (forgetful, again):
        randomise(network, torch.Generator().manual_seed(1))
    fresh = variants.build("cifar_resnet20", classes=5).state_dict()
    for name, values in forgetful.state_dict().items():
        assert torch.equal(values, again.state_dict()[name])
        if "bn" in name:
            assert torch.equal(values, fresh[name])
        elif "bias" not in name:
            assert abs(rank_correlation(values.numpy(), learned.state_dict()[name].numpy())) < 0.5


def test_ranks_as_scipy_has_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = (rng.integers(0, 6, (7, 7)).astype(np.float32) for _ in range(2))  # many are equal
        assert rank_correlation(a, b) == pytest.approx(scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic, abs=1e-6)
    assert rank_correlation(a, np.zeros_like(a)) == 0


def test_the_verdict() -> None:
    stays = SanityCheck({"head": 1.0, "stage1": 0.9, "stem": 0.2})
    changes = SanityCheck({"head": 0.3, "stage1": 0.0, "stem": -0.1})
    assert (stays.depends_on_weights, changes.depends_on_weights) == (False, True)
    assert "0.90 of 1" in stays.verdict().say()
    assert "0.00 of 1" in changes.verdict().say()
    assert all(stays.verdict().say(language) != changes.verdict().say(language) for language in LANGUAGES)


@pytest.mark.shared
@pytest.mark.slow
def test_grad_cam_knows_what_the_network_learned_and_guided_backpropagation_does_not(
    shared: Path, tmp_path: Path
) -> None:
    """As Adebayo et al. 2018 found, on photos of ImageNet."""
    settings = Settings(home=tmp_path, weights=shared / "weights")
    classifier = Classifier(open_model("resnet18", settings), settings, device="cpu")
    (batch,) = classifier.batches(sorted((shared / "data" / "imagenet_samples").iterdir())[2::32])
    for photo in batch:
        image = classifier.normalised([photo])
        wanted = explain(classifier.model.network, image, METHODS["gradcam"]).target_weights[0, 0]
        for name, depends in (("gradcam", True), ("guidedbackprop", False)):
            found = sanity_check(classifier.model.network, image, METHODS[name], None, wanted)
            assert found.depends_on_weights == depends
