"""The register: which networks there are, what is said about them, and that it stays free of torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from resnet_demo.models import variants
from resnet_demo.texts import LANGUAGES, AppError

IMAGENET_NAMES = [
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
    *("resnet50_stride1x1", "resnet101_stride1x1", "resnet152_stride1x1", "res2net50_26w_4s"),
    *("preact_resnet18", "preact_resnet34", "preact_resnet50", "preact_resnet101", "preact_resnet152"),
    *("highway18", "highway34", "plain18", "plain34"),
]
CIFAR_NAMES = [
    f"cifar_{family}{depth}" for family in ("resnet", "plain", "preact_resnet") for depth in (20, 32, 44, 56, 110)
]
NAMES = IMAGENET_NAMES + CIFAR_NAMES


@pytest.mark.slow
def test_every_promised_network_is_there_and_builds() -> None:
    assert [variant.name for variant in variants.all_variants()] == NAMES
    for variant in variants.all_variants():
        with torch.device("meta"):
            network = variants.build(variant.name)
            logits = network.eval()(torch.empty(1, 3, variant.input_size, variant.input_size))
        assert logits.shape == (1, variant.classes)


def test_the_register_is_free_of_torch() -> None:
    program = (
        "import sys; from resnet_demo.models import variants; variants.get('resnet50'); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_facts_of_one_network() -> None:
    variant = variants.get("resnext50_32x4d")
    assert (variant.family, variant.depth, variant.groups, variant.width_per_group) == ("resnext", 50, 32, 4)
    assert (variant.classes, variant.input_size, variant.paper.year) == (1000, 224, 2017)


def test_timm_has_no_name_for_what_it_has_not() -> None:
    """`resnet50_stride1x1` above all: timm's `resnet50` has its keys and answers otherwise."""
    without = {variant.name for variant in variants.all_variants() if variant.timm_name is None}
    ours_alone = ("stride1x1", "preact", "highway", "plain", "cifar")
    assert without == {name for name in NAMES if any(word in name for word in ours_alone)}


def test_classes_can_be_chosen() -> None:
    assert variants.build("cifar_resnet20").fc.out_features == 10
    assert variants.build("cifar_resnet20", 5).fc.out_features == 5
    assert variants.build("resnet18", classes=2).fc.out_features == 2
    assert variants.build("cifar_plain20").training


@pytest.mark.parametrize(
    ("name", "meant"), [("resnet5", "resnet50"), ("ResNet18", "resnet18"), ("preact50", "preact_resnet50"), ("", "")]
)
def test_an_unknown_name_gets_a_few_near_ones(name: str, meant: str) -> None:
    with pytest.raises(AppError) as caught:
        variants.get(name)
    for language in LANGUAGES:
        sentence = caught.value.say(language)
        assert meant in sentence
        assert sum(name in sentence.replace(",", " ").split() for name in variants.VARIANTS) <= 3
