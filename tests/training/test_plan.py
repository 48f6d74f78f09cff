"""What a training begins with: the right network, a head for its classes, and all of it in the plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models.saved import write
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import ResolvedConfig
from resnet_demo.training.plan import InitialNetwork, Plan, initial_network
from tests.tiny import LABELS, tiny_model
from tests.training.small_runs import SMALL

PARENT = {"parent": "", "variant": None, "scratch": False}


def settle(initial: InitialNetwork, **overrides: Any) -> ResolvedConfig:
    config = replace(SMALL, image_size=None, **overrides)
    return config.resolved(photos=60, per_class={"a": 30, "b": 30}, device="cpu", start=initial.start)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    folder = tmp_path / "parent"
    write(replace(tiny_model(), licence="MIT"), folder, card="")
    return folder


def test_from_scratch_weights_come_from_the_seed() -> None:
    one, same, other = (
        initial_network(replace(SMALL, seed=seed), ("a", "b"), Settings()).network for seed in (1, 1, 2)
    )
    assert torch.equal(one.conv1.weight, same.conv1.weight)
    assert not torch.equal(one.conv1.weight, other.conv1.weight)
    state = torch.random.get_rng_state()
    initial_network(SMALL, ("a", "b"), Settings())
    assert torch.equal(torch.random.get_rng_state(), state), "a caller's own random numbers were touched"


@pytest.mark.parametrize("variant", ["cifar_plain20", "plain18", "highway18", "preact_resnet18"])
def test_any_variant_can_start_from_scratch(variant: str) -> None:
    initial = initial_network(replace(SMALL, variant=variant), ("a", "b", "c"), Settings())
    assert initial.network.fc.out_features == 3
    assert initial.start.scratch
    assert initial.start.input_size == (32 if "cifar" in variant else 224)


def test_other_classes_get_a_fresh_head(parent: Path) -> None:
    config = replace(SMALL, **PARENT | {"parent": str(parent)})
    initial = initial_network(config, ("cat", "dog", "daisy"), Settings())
    assert initial.network.fc.out_features == 3
    assert torch.equal(initial.network.conv1.weight, tiny_model().network.conv1.weight)


def test_known_classes_keep_what_is_known_of_them(parent: Path) -> None:
    """In another order, and fewer."""
    old = tiny_model().network.fc
    config = replace(SMALL, **PARENT | {"parent": str(parent)})
    for classes in (LABELS, LABELS[::-1], (LABELS[3], LABELS[1])):
        head = initial_network(config, classes, Settings()).network.fc
        rows = [LABELS.index(name) for name in classes]
        assert torch.equal(head.weight, old.weight[rows])
        assert torch.equal(head.bias, old.bias[rows])


def test_the_plan_tells_what_it_comes_from_but_not_where_that_lies(parent: Path) -> None:
    overrides = PARENT | {"parent": str(parent)}
    initial = initial_network(replace(SMALL, **overrides), ("cat", "dog"), Settings())
    plan = initial.plan(settle(initial, **overrides), "bf16")
    assert (plan.parent, plan.licence, plan.variant) == ("parent", "MIT", "cifar_resnet20")
    assert plan.spec.crop_size == plan.config.image_size == 32
    assert plan.spec.mean == initial.parent.spec.mean  # type: ignore[union-attr]
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_plan_of_an_earlier_version_is_read() -> None:
    """Which knew neither mirroring nor whole photos."""
    initial = initial_network(SMALL, ("cat", "dog"), Settings())
    plan = initial.plan(settle(initial), "float32")
    entries = json.loads(json.dumps(plan.to_json()))
    assert "crop_mode" not in entries["spec"]
    for name in ("framing", "mirror"):
        del entries["config"][name]
    assert Plan.from_json(entries) == plan
    whole = initial.plan(settle(initial, framing="whole"), "float32")
    assert Plan.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_the_framing_is_that_of_the_model_it_starts_from(tmp_path: Path) -> None:
    seen = ImageSpec(32, 32, crop_mode="whole")
    write(replace(tiny_model(), licence="MIT", spec=seen), tmp_path / "parent", card="")
    overrides = PARENT | {"parent": str(tmp_path / "parent")}
    initial = initial_network(replace(SMALL, **overrides), ("cat", "dog"), Settings())
    assert initial.plan(settle(initial, **overrides), "float32").spec == seen
    cropped = initial.plan(settle(initial, framing="crop", **overrides), "float32").spec
    assert (cropped.crop_mode, cropped.crop_size) == ("crop", 32)


def test_without_published_weights_it_has_to_be_said_how_to_start() -> None:
    with pytest.raises(AppError) as caught:
        initial_network(replace(SMALL, scratch=False), ("a", "b"), Settings())
    assert "from scratch" in str(caught.value)
