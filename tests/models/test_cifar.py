"""The CIFAR networks against the paper's tables and against weights that others trained."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import normalize, pil_to_tensor

from resnet_demo.models import variants
from resnet_demo.models.blocks import BasicBlock, PaddedShortcut, PlainBlock, PreActivationBasic
from tests.models.oracles import enliven, noise, stage_outputs

IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_STD = [0.229, 0.224, 0.225]


def published(shared: Path, pattern: str) -> dict[str, Tensor]:
    (file,) = (shared / "weights" / "cifar10").glob(pattern)
    weights = torch.load(file, weights_only=True)
    return {name.replace("linear.", "fc."): weight for name, weight in weights.items()}


def photos(archive: Path) -> tuple[Tensor, Tensor]:
    """The archive's test photos, normalised, (N, 3, 32, 32), and their classes in alphabetical order, (N,)."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.startswith("cifar10/test/") and name.endswith(".jpg"))
        pixels = [pil_to_tensor(Image.open(files.open(name)).convert("RGB")) for name in names]
    folders = [name.split("/")[2] for name in names]
    classes = sorted(set(folders))
    images = normalize(torch.stack(pixels) / 255, IMAGENET_MEAN, IMAGENET_STD)
    return images, torch.tensor([classes.index(folder) for folder in folders])


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
@pytest.mark.parametrize(
    ("family", "kind"), [("resnet", BasicBlock), ("plain", PlainBlock), ("preact_resnet", PreActivationBasic)]
)
def test_a_network_has_6n_plus_2_layers(family: str, kind: type[nn.Module], depth: int) -> None:
    with torch.device("meta"):
        network = variants.build(f"cifar_{family}{depth}")
    blocks = network.blocks()
    assert {type(block) for block in blocks.values()} == {kind}
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth
    assert len(blocks) == (depth - 2) / 2


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_plain20", "cifar_preact_resnet20"])
@torch.no_grad()
def test_the_stages_have_the_papers_sizes(name: str) -> None:
    network = enliven(variants.build(name), noise(8, 3, 32, 32))
    images = noise(2, 3, 32, 32)
    outputs = stage_outputs(network, images)
    sizes = {stage: tuple(output.shape[1:]) for stage, output in outputs.items()}
    expected = {"stem": (16, 32, 32), "stage1": (16, 32, 32), "stage2": (32, 16, 16), "stage3": (64, 8, 8)}
    assert sizes == expected
    logits = network.forward_head(outputs["stage3"])
    assert logits.shape == (2, 10)
    assert torch.equal(logits, network(images))


def test_shortcuts_have_no_parameters() -> None:
    network = variants.build("cifar_resnet56")
    changing = {name for name, block in network.blocks().items() if block.downsample is not None}
    assert changing == {"stage2.0", "stage3.0"}
    assert all(isinstance(network.layer(name).downsample, PaddedShortcut) for name in changing)
    assert not [key for key in network.state_dict() if "downsample" in key]


def by_hand(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """The logits of the paper's network, from its description alone: section 4.2, with shortcuts of kind A."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance, weight, bias = (
            weights[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    x = norm(F.conv2d(x, weights["conv1.weight"], padding=1), "bn1").relu()
    for stage in (1, 2, 3):
        for block in range(sum(f"layer{stage}." in key and "conv1" in key for key in weights)):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            out = norm(F.conv2d(x, weights[f"{name}.conv1.weight"], stride=stride, padding=1), f"{name}.bn1").relu()
            out = norm(F.conv2d(out, weights[f"{name}.conv2.weight"], padding=1), f"{name}.bn2")
            shortcut = x[:, :, ::stride, ::stride]
            missing = out.shape[1] - shortcut.shape[1]
            out[:, missing // 2 : missing // 2 + shortcut.shape[1]] += shortcut
            x = out.relu()
    return x.mean(dim=(2, 3)) @ weights["fc.weight"].T + weights["fc.bias"]


@pytest.mark.parametrize("depth", [20, 32, 56])
@torch.no_grad()
def test_the_answer_is_that_of_the_papers_formula(depth: int) -> None:
    network = enliven(variants.build(f"cifar_resnet{depth}"), noise(8, 3, 32, 32))
    images = noise(2, 3, 32, 32, seed=2)
    expected = by_hand(network.state_dict(), images)
    assert (expected[0] - expected[1]).abs().max() > 0.01
    torch.testing.assert_close(network(images), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.shared
@pytest.mark.parametrize("depth", [20, 56])
@torch.no_grad()
def test_published_networks_name_the_jpeg_test_photos(shared: Path, depth: int) -> None:
    """0.92 and 0.93 of the photos are said to be named right; as JPEGs, which these networks never saw, some fewer."""
    weights = published(shared, f"resnet{depth}-*.pth")
    network = variants.build(f"cifar_resnet{depth}").eval()
    network.load_state_dict(weights, strict=True)
    images, classes = photos(shared / "data" / "cifar10_subset.zip")
    assert len(images) == 2000
    torch.testing.assert_close(network(images[:8]), by_hand(weights, images[:8]), atol=1e-3, rtol=1e-3)
    images, classes = images[::4], classes[::4]
    named = torch.cat([network(batch).argmax(dim=1) for batch in images.split(250)])
    accuracy = (named == classes).float().mean().item()
    assert accuracy >= {20: 0.79, 56: 0.81}[depth]
