"""Checkpoints of many origins: each answers as the network that it came from, or is refused in a sentence."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from timm.models import save_for_hf
from torch import Tensor, nn

from resnet_demo.inference import open_model
from resnet_demo.models import variants
from resnet_demo.models.model import Model
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError

CLASSES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
State = dict[str, Tensor]


def pictures() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def seen(network: Any) -> Any:
    """The network in evaluation mode, its norms having seen some data."""
    with torch.no_grad():
        network.train()(pictures())
    return network.eval()


@pytest.fixture(scope="module")
def original() -> torchvision.models.ResNet:
    """torchvision's ResNet-18 for five classes."""
    torch.manual_seed(0)
    return seen(torchvision.models.resnet18(num_classes=len(CLASSES)))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def answers(network: nn.Module) -> Tensor:
    with torch.no_grad():
        out = network(pictures())
    return out if isinstance(out, Tensor) else out.logits


def assert_alike(model: Model, original: nn.Module) -> None:
    torch.testing.assert_close(model.network(pictures()).detach(), answers(original), atol=1e-4, rtol=1e-4)


def problem(name: str, settings: Settings, **options: Any) -> str:
    with pytest.raises(AppError) as caught:
        open_model(name, settings, **options)
    caught.value.say("zh-CN")
    return caught.value.message.key


class Lit(nn.Module):
    """A Lightning module around a network, with a loss that has class weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.model = network
        self.criterion = nn.CrossEntropyLoss(weight=torch.ones(len(CLASSES)))


def prefixed(state: State, prefix: str) -> State:
    return {prefix + key: value for key, value in state.items()}


def lightning(network: nn.Module) -> dict[str, Any]:
    return {
        "epoch": 3,
        "global_step": 12,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": Lit(network).state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val'}": {"best_model_score": torch.tensor(0.9)}},
        "optimizer_states": [torch.optim.Adam(network.parameters()).state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 0.001, "num_classes": 5},
    }


def averaged(network: nn.Module) -> State:
    return torch.optim.swa_utils.AveragedModel(network).state_dict()


def zeroed(network: nn.Module) -> State:
    return {key: torch.zeros_like(value) for key, value in network.state_dict().items()}


def head_in(network: nn.Module, before: str, after: str) -> State:
    state = network.state_dict()
    return {key.replace(before, after): value for key, value in state.items()}


def profiled(network: nn.Module) -> State:
    """As thop leaves it."""
    extra = {f"{name}.total_ops".lstrip("."): torch.zeros(1) for name, _ in network.named_modules()}
    return {**network.state_dict(), **extra}


def children(network: nn.Module) -> State:
    """Lightning's tutorial on transfer learning: all children but the last in a Sequential, and a classifier."""
    module = nn.Module()
    module.feature_extractor = nn.Sequential(*list(network.children())[:-1])
    module.classifier = network.fc
    return module.state_dict()


def transformers_names(state: State) -> State:
    """torchvision's names as transformers' ResNets have them."""

    def renamed(name: str) -> str:
        if name.startswith("fc."):
            return name.replace("fc.", "classifier.1.")
        name = re.sub(r"^conv1\.", "embedder.embedder.convolution.", name)
        name = re.sub(r"^bn1\.", "embedder.embedder.normalization.", name)
        name = name.replace("downsample.0.", "shortcut.convolution.").replace(
            "downsample.1.", "shortcut.normalization."
        )
        for number in (1, 2):
            name = re.sub(rf"^(layer\d\.\d)\.conv{number}\.", rf"\1.layer.{number - 1}.convolution.", name)
            name = re.sub(rf"^(layer\d\.\d)\.bn{number}\.", rf"\1.layer.{number - 1}.normalization.", name)
        stage = re.match(r"layer(\d)\.", name)
        if stage:
            name = f"encoder.stages.{int(stage[1]) - 1}.layers.{name[stage.end() :]}"
        return f"resnet.{name}"

    return {renamed(name): value for name, value in state.items()}


ORIGINS: dict[str, Callable[[nn.Module], Any]] = {
    "torchvision": lambda network: network.state_dict(),
    "DataParallel": lambda network: nn.DataParallel(network).state_dict(),
    "DistributedDataParallel, compiled": lambda network: prefixed(network.state_dict(), "module._orig_mod."),
    "compiled in parts": lambda network: head_in(network, "layer1.", "layer1._orig_mod."),
    "Lightning": lightning,
    "Lightning, of parts": lambda network: {"state_dict": children(network)},
    "torchvision's training": lambda network: {
        "model": network.state_dict(),
        "optimizer": torch.optim.SGD(network.parameters(), 0.1, momentum=0.9).state_dict(),
        "lr_scheduler": {"last_epoch": 3},
        "epoch": 3,
        "model_ema": averaged(nn.DataParallel(network)),
    },
    "PyTorch's ImageNet example": lambda network: {
        "epoch": 3,
        "arch": "resnet18",
        "state_dict": nn.DataParallel(network).state_dict(),
        "best_acc1": torch.tensor(71.0),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
    },
    "model_state_dict": lambda network: {"model_state_dict": network.state_dict(), "loss": 0.3},
    "net": lambda network: {"net": nn.DataParallel(network).state_dict(), "acc": 93.1, "epoch": 9},
    "an average alone": lambda network: {"ema": network.state_dict()},
    "AveragedModel": averaged,
    "deep": lambda network: {"checkpoint": {"trainer": {"state_dict": prefixed(network.state_dict(), "encoder.")}}},
    "backbone and head (MMPretrain)": lambda network: {
        "meta": {"CLASSES": CLASSES, "epoch": 4},
        "state_dict": {
            key.replace("fc.", "head.fc.") if key.startswith("fc.") else f"backbone.{key}": value
            for key, value in network.state_dict().items()
        },
    },
    "dropout before the last layer": lambda network: head_in(network, "fc.", "fc.1."),
    "last_linear": lambda network: head_in(network, "fc.", "last_linear."),
    "thop": profiled,
    "network and average in one": lambda network: {**network.state_dict(), **prefixed(zeroed(network), "ema.module.")},
    "transformers' file alone": lambda network: prefixed(transformers_names(network.state_dict()), "model."),
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_checkpoints_answer_as_their_networks(
    original: torchvision.models.ResNet, tmp_path: Path, settings: Settings, origin: str
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(ORIGINS[origin](original), path, _use_new_zipfile_serialization=origin != "net")
    model = open_model(str(path), settings)
    assert_alike(model, original)
    assert model.variant == "resnet18"
    assert len(model.labels) == len(CLASSES)
    assert "ImageNet's mean" in model.notes[-1].say()


def test_what_was_not_read_is_told(original: nn.Module, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"model": original.state_dict(), "model_ema": zeroed(original)}, path)
    model = open_model(str(path), settings)
    assert_alike(model, original)
    assert "model_ema" in model.notes[0].say()


# timm, in three forms, and transformers, in two.


@pytest.fixture(scope="module")
def of_timm() -> nn.Module:
    torch.manual_seed(0)
    return seen(timm.create_model("resnet18", num_classes=len(CLASSES)))


def timm_folder(network: nn.Module, folder: Path) -> Path:
    save_for_hf(network, folder, model_config={"label_names": list(CLASSES)}, safe_serialization="both")
    return folder


@pytest.mark.parametrize("kept", ["model.safetensors", "pytorch_model.bin"])
def test_timms_folder(of_timm: nn.Module, tmp_path: Path, settings: Settings, kept: str) -> None:
    folder = timm_folder(of_timm, tmp_path / "model")
    for name in {"model.safetensors", "pytorch_model.bin"} - {kept}:
        (folder / name).unlink()
    for name in (folder, folder / kept, folder / "config.json"):
        model = open_model(str(name), settings)
        assert_alike(model, of_timm)
        assert model.labels == CLASSES


def test_timms_training(of_timm: nn.Module, tmp_path: Path, settings: Settings) -> None:
    """As `timm.utils.CheckpointSaver` writes it, but for its Namespace."""
    state = of_timm.state_dict()
    path = tmp_path / "model_best.pth.tar"
    whole = {"epoch": 1, "arch": "resnet18", "state_dict": state, "version": 2, "state_dict_ema": zeroed(of_timm)}
    torch.save(whole, path)
    assert_alike(open_model(str(path), settings), of_timm)
    torch.save({**whole, "args": argparse.Namespace(lr=0.1)}, path)
    assert problem(str(path), settings) == "weights.problem.objects"


def test_grey_networks_are_called_so(tmp_path: Path, settings: Settings) -> None:
    grey = timm.create_model("resnet18", num_classes=5, in_chans=1)
    assert problem(str(timm_folder(grey, tmp_path / "model")), settings) == "saved.problem.channels"
    torch.save(grey.state_dict(), tmp_path / "grey.pth")
    assert problem(str(tmp_path / "grey.pth"), settings) == "weights.problem.channels"


def of_transformers(**changes: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    usual: dict[str, Any] = {
        "layer_type": "basic",
        "depths": [2, 2, 2, 2],
        "hidden_sizes": [64, 128, 256, 512],
        "id2label": dict(enumerate(CLASSES)),
    }
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(**{**usual, **changes}))


BOTTLENECK = {"layer_type": "bottleneck", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048]}


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("resnet18", {}),
        ("resnet34", {"depths": [3, 4, 6, 3]}),
        ("resnet50", BOTTLENECK),
        ("resnet50_stride1x1", {**BOTTLENECK, "downsample_in_bottleneck": True}),
    ],
)
@pytest.mark.parametrize("kept", ["model.safetensors", "pytorch_model.bin"])
def test_transformers_own_resnets(
    tmp_path: Path, settings: Settings, variant: str, changes: dict[str, Any], kept: str
) -> None:
    network = seen(of_transformers(**changes))
    network.save_pretrained(tmp_path)
    if kept != "model.safetensors":
        (tmp_path / "model.safetensors").unlink()
        torch.save(network.state_dict(), tmp_path / kept)
    model = open_model(str(tmp_path), settings)
    assert_alike(model, network)
    assert (model.variant, model.labels) == (variant, CLASSES)
    assert "preprocessor_config.json" in model.notes[0].say()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"depths": [1, 1, 1, 1]}, "other_resnet"),
        ({"embedding_size": 32}, "other_resnet"),
        ({"hidden_act": "gelu"}, "other_resnet"),
        ({"downsample_in_first_stage": True}, "other_resnet"),
        ({"num_channels": 1}, "channels"),
    ],
)
def test_transformers_resnets_that_are_none_of_ours(
    tmp_path: Path, settings: Settings, changes: dict[str, Any], key: str
) -> None:
    of_transformers(**changes).save_pretrained(tmp_path)
    assert problem(str(tmp_path), settings) == f"saved.problem.{key}"


def test_transformers_backbone_names_no_classes(tmp_path: Path, settings: Settings) -> None:
    of_transformers().resnet.save_pretrained(tmp_path)
    assert problem(str(tmp_path), settings) == "saved.problem.no_classifier"


def test_transformers_timm_wrapper(tmp_path: Path, settings: Settings) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.TimmWrapperConfig(
        architecture="resnet18",
        id2label=dict(enumerate(CLASSES)),
        label2id={name: index for index, name in enumerate(CLASSES)},
    )
    network = seen(transformers.TimmWrapperForImageClassification(config))
    network.save_pretrained(tmp_path)
    assert any(key.startswith("timm_model.") for key in safetensors.torch.load_file(tmp_path / "model.safetensors"))
    model = open_model(str(tmp_path), settings)
    assert_alike(model, network)
    assert model.labels == CLASSES


# What is refused.


class Net(nn.Module):
    """A person's own class, which a whole pickled model needs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)


def whole(state: State) -> Any:
    return Net()


def scripted(state: State) -> Any:
    return torch.jit.script(nn.Linear(2, 2))


OBJECTS: dict[str, Callable[[State], Any]] = {
    "a whole model": lambda state: Net(),  # noqa: ARG005
    "numpy's numbers": lambda state: {"state_dict": state, "best": np.float64(0.5)},
    "a Namespace": lambda state: {"state_dict": state, "args": argparse.Namespace(lr=0.1)},
    "a path": lambda state: {"state_dict": state, "data": Path("data")},
}


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("new", [True, False], ids=["zip", "before torch 1.6"])
def test_files_with_objects_say_how_to_save_weights(tmp_path: Path, settings: Settings, kind: str, new: bool) -> None:
    path = tmp_path / "net.pth"
    torch.save(OBJECTS[kind](nn.Linear(2, 2).state_dict()), path, _use_new_zipfile_serialization=new)
    with pytest.raises(AppError, match=r"torch\.save\(model\.state_dict\(\)") as caught:
        open_model(str(path), settings)
    assert caught.value.message.key == "weights.problem.objects"


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_scripted_model_says_how_to_save_weights(tmp_path: Path, settings: Settings) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(tmp_path / "net.pt")
    assert problem(str(tmp_path / "net.pt"), settings) == "weights.problem.objects"


@pytest.mark.parametrize("new", [True, False], ids=["zip", "before torch 1.6"])
def test_damage_is_not_taken_for_objects(tmp_path: Path, settings: Settings, new: bool) -> None:
    path = tmp_path / "net.pth"
    torch.save(nn.Linear(2, 2).state_dict(), path, _use_new_zipfile_serialization=new)
    path.write_bytes(path.read_bytes()[:-100])
    assert problem(str(path), settings) == "weights.problem.unreadable"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "is_lfs"),
        (b"\n<!DOCTYPE html><html>log in</html>", "is_web_page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "is_keras"),
    ],
)
def test_what_is_often_taken_for_weights_is_called_by_its_name(
    tmp_path: Path, settings: Settings, content: bytes, kind: str
) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    assert problem(str(tmp_path / "weights.pth"), settings) == f"weights.problem.{kind}"


def beside(network: nn.Module, extra: State) -> State:
    return {**prefixed(network.state_dict(), "model."), **extra}


UNREADABLE: dict[str, tuple[str, Callable[[nn.Module], Any]]] = {
    "student and teacher": (
        "several",
        lambda network: {"student": network.state_dict(), "teacher": network.state_dict()},
    ),
    "MoCo": (
        "several",
        lambda network: {
            "state_dict": {
                **prefixed(network.state_dict(), "module.encoder_q."),
                **prefixed(network.state_dict(), "module.encoder_k."),
            }
        },
    ),
    "a second layer behind": ("more_layers", lambda network: beside(network, {"out.weight": torch.ones(5, 5)})),
    "normalised inside": ("more_layers", lambda network: beside(network, {"mean": torch.zeros(1, 3, 1, 1)})),
    "scaled": ("more_layers", lambda network: beside(network, {"temperature": torch.tensor(2.0)})),
    "two layers in the head": (
        "head",
        lambda network: {
            **{key: value for key, value in network.state_dict().items() if not key.startswith("fc.")},
            "fc.0.weight": torch.ones(8, 512),
            "fc.0.bias": torch.ones(8),
            "fc.3.weight": torch.ones(5, 8),
            "fc.3.bias": torch.ones(5),
        },
    ),
    "a norm in the head": (
        "head",
        lambda network: {
            **head_in(network, "fc.", "fc.1."),
            "fc.0.weight": torch.ones(512),
            "fc.0.bias": torch.ones(512),
            "fc.0.running_mean": torch.ones(512),
            "fc.0.running_var": torch.ones(512),
        },
    ),
    "a backbone": (
        "no_head",
        lambda network: {key: value for key, value in network.state_dict().items() if not key.startswith("fc.")},
    ),
    "another network": ("no_resnet", lambda network: {"patch_embed.proj.weight": torch.ones(8, 3, 16, 16)}),  # noqa: ARG005
    "a smaller stem": (
        "unknown_network",
        lambda network: {**network.state_dict(), "conv1.weight": torch.ones(64, 3, 3, 3)},
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_exactly_is_refused(
    original: nn.Module, tmp_path: Path, settings: Settings, kind: str
) -> None:
    key, make = UNREADABLE[kind]
    torch.save(make(original), tmp_path / "weights.pth")
    assert problem(str(tmp_path / "weights.pth"), settings) == f"weights.problem.{key}"


# Which network, and which classes.


@pytest.fixture(scope="module")
def resnet50(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """Its file beside it; the network with its stride elsewhere has the same layers."""
    torch.manual_seed(0)
    network = seen(torchvision.models.resnet50(num_classes=2))
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    torch.save(network.state_dict(), path)
    return network, path


def test_layers_that_fit_two_networks_are_not_guessed(resnet50: tuple[nn.Module, Path], settings: Settings) -> None:
    network, path = resnet50
    with pytest.raises(AppError, match="resnet50, resnet50_stride1x1") as caught:
        open_model(str(path), settings)
    assert f"resnet50:{path}" in str(caught.value)
    for model in (open_model(str(path), settings, variant="resnet50"), open_model(f"resnet50:{path}", settings)):
        assert model.variant == "resnet50"
        assert_alike(model, network)
    assert problem(str(path), settings, variant="resnet18") == "weights.problem.other_variant"
    assert problem(str(path), settings, variant="resnet51") == "models.unknown_variant"


def write_json(entries: Any, path: Path) -> None:
    path.write_text(json.dumps(entries), encoding="utf-8")


def test_the_flower_tutorials_network(tmp_path: Path, settings: Settings) -> None:
    """ResNet-34 with `class_indices.json` beside it, as the tutorial writes it."""
    torch.manual_seed(0)
    network = torchvision.models.resnet34()
    network.fc = nn.Linear(512, len(CLASSES))
    seen(network)
    torch.save(network.state_dict(), tmp_path / "resNet34.pth")
    write_json({str(index): name for index, name in enumerate(CLASSES)}, tmp_path / "class_indices.json")
    model = open_model(str(tmp_path / "resNet34.pth"), settings)
    assert_alike(model, network)
    assert (model.variant, model.labels) == ("resnet34", CLASSES)
    assert "class_indices.json" in model.notes[0].say()


@pytest.fixture(scope="module")
def file(original: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "weights.pth"
    torch.save(original.state_dict(), path)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "daisy\ndandelion\n\nroses\r\nsunflowers\ntulips\n"),
        ("b.json", json.dumps(CLASSES)),
        ("c.json", json.dumps({name: index for index, name in reversed(list(enumerate(CLASSES)))})),
        ("d.json", "\ufeff" + json.dumps({index: ["n0", name] for index, name in enumerate(CLASSES)})),
    ],
)
def test_files_of_labels(file: Path, tmp_path: Path, settings: Settings, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert open_model(str(file), settings, labels=tmp_path / name).labels == CLASSES


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("[1, 2]", "unreadable"),
        ('{"0": "a", "2": "b"}', "unreadable"),
        ("{", "unreadable"),
        ('["a", "b"]', "count"),
    ],
)
def test_files_of_labels_that_do_not_fit(
    file: Path, tmp_path: Path, settings: Settings, content: str, key: str
) -> None:
    (tmp_path / "labels.json").write_text(content, encoding="utf-8")
    assert problem(str(file), settings, labels=tmp_path / "labels.json") == f"labels.problem.{key}"


def test_labels_of_another_number_beside_the_file_are_not_taken(
    original: nn.Module, tmp_path: Path, settings: Settings
) -> None:
    torch.save({"model": original.state_dict()}, tmp_path / "weights.pth")
    write_json(["a", "b"], tmp_path / "class_names.json")
    assert open_model(str(tmp_path / "weights.pth"), settings).labels[0] == "class 0"
    (tmp_path / "labels.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    assert open_model(str(tmp_path / "weights.pth"), settings).labels == CLASSES


def test_classes_saved_with_the_weights(original: nn.Module, tmp_path: Path, settings: Settings) -> None:
    """Udacity's flower tutorial saves `class_to_idx`."""
    classes = {name: index for index, name in enumerate(CLASSES)}
    torch.save({"state_dict": original.state_dict(), "class_to_idx": classes}, tmp_path / "checkpoint.pth")
    assert open_model(str(tmp_path / "checkpoint.pth"), settings).labels == CLASSES


def test_variant_and_labels_go_with_files_alone(tmp_path: Path, settings: Settings) -> None:
    assert problem("flowers", settings, variant="resnet18") == "inference.problem.no_weights_file"
    assert problem("flowers", settings, labels=tmp_path) == "inference.problem.no_weights_file"
    assert problem(str(tmp_path / "none.pth"), settings) == "inference.problem.no_file"


def test_small_networks_of_others(tmp_path: Path, settings: Settings) -> None:
    """akamaster's ResNet-20 for CIFAR-10, its last layer called `linear`; the plain network has the same layers."""
    torch.manual_seed(0)
    network = seen(variants.build("cifar_resnet20"))
    state = prefixed(head_in(network, "fc.", "linear."), "module.")
    torch.save({"state_dict": state, "best_prec1": torch.tensor(91.7)}, tmp_path / "model.th")
    assert problem(str(tmp_path / "model.th"), settings) == "weights.problem.which_network"
    assert_alike(open_model(str(tmp_path / "model.th"), settings, variant="cifar_resnet20"), network)


def test_classes_in_a_checkpoints_settings(original: nn.Module, tmp_path: Path, settings: Settings) -> None:
    whole = {**lightning(original), "hyper_parameters": {"class_names": list(CLASSES)}}
    torch.save(whole, tmp_path / "last.ckpt")
    assert open_model(str(tmp_path / "last.ckpt"), settings).labels == CLASSES
