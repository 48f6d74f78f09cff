"""Saved models in other people's hands: timm and transformers answer alike, or refuse what they have not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image, ImageDraw
from timm.models import save_for_hf
from torch import nn
from transformers import pipeline

from resnet_demo.data.preprocessing import ImageSpec, fit, normalise
from resnet_demo.inference import Classifier
from resnet_demo.models import variants
from resnet_demo.models.model import Model, TrainingInfo
from resnet_demo.models.saved import open_saved, write
from resnet_demo.models.variants import all_variants
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.models.seen import logits, trained
from tests.tiny import LABELS

SHARED = [variant.name for variant in all_variants() if variant.timm_name]
OURS_ALONE = [variant.name for variant in all_variants() if not variant.timm_name]
QUICK = {"resnet18", "cifar_resnet20", "resnet50_stride1x1"}
OF_EACH_FAMILY = ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "res2net50_26w_4s"]
"""The smallest of each; the others are built of the same blocks, only of more or wider ones."""

Probabilities = list[dict[str, float]]


def marked(names: Sequence[str]) -> list[Any]:
    """All but a few are slow."""
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Flowers under skies of many colours: wide, tall and just as large as the crop, each with some noise."""
    place, paths = tmp_path_factory.mktemp("pictures"), []
    for number, size in enumerate(((150, 110), (90, 170), (73, 73), (400, 300))):
        chance = np.random.default_rng(number)
        sky = np.linspace(chance.integers(0, 255, 3), chance.integers(0, 255, 3), size[1])[:, None]
        noise = chance.normal(0, 12, (size[1], size[0], 3))
        picture = Image.fromarray((sky + noise).clip(0, 255).astype(np.uint8))
        draw, middle, petal = ImageDraw.Draw(picture), np.array(size) / 2, min(size) / 4
        for angle in np.linspace(0, 2 * np.pi, 6)[:-1]:
            x, y = middle + petal * np.array([np.cos(angle), np.sin(angle)])
            draw.ellipse((x - petal / 2, y - petal / 2, x + petal / 2, y + petal / 2), fill=(230, 60 + 40 * number, 90))
        paths.append(place / f"{number}.png")
        picture.save(paths[-1])
    return paths


@torch.no_grad()
def make_sensitive(model: Model, pictures: Sequence[Path]) -> None:
    """Stretch the last layer of a fresh network, whose answers hardly differ from one picture to the next."""
    pixels = np.stack([fit(Image.open(path), model.spec, "crop") for path in pictures])
    answers, last = model.network(normalise(torch.from_numpy(pixels), model.spec)), model.network.fc
    stretch = 0.5 / answers.std(dim=0).mean()
    last.weight *= stretch
    last.bias.copy_((last.bias - answers.mean(dim=0)) * stretch)


def by_us(folder: Path, pictures: Sequence[Path], home: Path) -> Probabilities:
    classifier = Classifier(open_saved(folder), Settings(home=home), "float32", "cpu")
    predictions = classifier.classify(pictures, top=len(LABELS))
    return [{guess.label: guess.probability for guess in prediction.guesses} for prediction in predictions]


def by_timm(folder: Path, pictures: Sequence[Path]) -> Probabilities:
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config(model=network))
    labels = network.pretrained_cfg["label_names"]
    with torch.no_grad():
        batch = torch.stack([transform(Image.open(path)) for path in pictures])
        return [dict(zip(labels, row, strict=True)) for row in network(batch).softmax(1).tolist()]


def by_transformers(folder: Path, pictures: Sequence[Path]) -> Probabilities:
    classify = pipeline("image-classification", model=str(folder), device="cpu")
    answers = classify([str(path) for path in pictures], top_k=len(LABELS))
    return [{guess["label"]: guess["score"] for guess in answer} for answer in answers]


@pytest.mark.parametrize("variant", SHARED)
def test_shared_networks_have_the_same_names_and_shapes(variant: str) -> None:
    with torch.device("meta"):
        ours, theirs = variants.build(variant), timm.create_model(variants.get(variant).timm_name)
    shapes = [{name: tensor.shape for name, tensor in network.state_dict().items()} for network in (ours, theirs)]
    assert shapes[0] == shapes[1]
    places = [
        [(layer.in_channels, layer.kernel_size, layer.stride, layer.padding, layer.groups) for layer in convolutions]
        for convolutions in (
            [module for module in network.modules() if isinstance(module, nn.Conv2d)] for network in (ours, theirs)
        )
    ]
    assert sorted(places[0]) == sorted(places[1])


@pytest.mark.parametrize("variant", marked(OF_EACH_FAMILY))
def test_shared_networks_answer_alike(variant: str, folder: Path, pictures: list[Path], tmp_path: Path) -> None:
    model = trained(variant)
    make_sensitive(model, pictures)
    write(model, folder, card="", half=variant in QUICK)  # how weights are stored is the same for every network
    ours = by_us(folder, pictures, tmp_path)
    assert ours[0] != pytest.approx(ours[1], abs=1e-2)
    for theirs in (by_timm(folder, pictures), by_transformers(folder, pictures)):
        for answer, expected in zip(ours, theirs, strict=True):
            assert answer == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("variant", marked(OURS_ALONE))
def test_other_networks_are_refused(variant: str, folder: Path) -> None:
    write(trained(variant), folder, card="")
    with pytest.raises(RuntimeError, match="Unknown model"):
        timm.create_model(f"local-dir:{folder}", pretrained=True)
    with pytest.raises(ImportError, match=f"resnet_demo_{variant}"):
        pipeline("image-classification", model=str(folder))


def test_timm_knows_the_preprocessing_and_gives_a_new_head(folder: Path) -> None:
    model = trained("resnet18")
    write(model, folder, card="")
    theirs = timm.create_model(f"local-dir:{folder}", pretrained=True)
    assert ImageSpec.from_timm(timm.data.resolve_data_config(model=theirs)) == model.spec
    assert timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=2).num_classes == 2


def test_timms_folders_open_and_answer_alike(folder: Path) -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("resnet18", num_classes=3, drop_rate=0.1)
    logits(theirs)
    save_for_hf(theirs, str(folder), model_config={"label_names": ["a", "b", "c"]}, safe_serialization=True)
    model = open_saved(folder)
    torch.testing.assert_close(logits(model.network), logits(theirs.eval()), atol=1e-4, rtol=1e-4)
    assert model.labels == ("a", "b", "c")
    assert model.spec == ImageSpec.from_timm(timm.data.resolve_data_config(model=theirs))
    assert model.training_info == TrainingInfo()


@pytest.mark.parametrize(
    ("name", "arguments", "key"),
    [
        ("resnet18d", {}, "saved.problem.architecture"),
        ("resnet18", {"global_pool": "max"}, "saved.problem.entry"),
        ("resnet18", {"act_layer": "gelu"}, "saved.problem.entry"),
        ("resnet18", {"in_chans": 1}, "saved.problem.channels"),
    ],
)
def test_timms_other_networks_are_refused(folder: Path, name: str, arguments: dict[str, Any], key: str) -> None:
    save_for_hf(timm.create_model(name, num_classes=3, **arguments), str(folder), safe_serialization=True)
    with pytest.raises(AppError) as caught:
        open_saved(folder)
    assert caught.value.message.key == key
