"""Saved models: written, read, and damaged."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_demo.models.description import VERSION
from resnet_demo.models.model import TrainingInfo
from resnet_demo.models.saved import open_saved, write
from resnet_demo.texts import AppError
from tests.damage import flip_in_the_midst
from tests.loopback import Loopback, loopback
from tests.models.seen import logits, trained
from tests.tiny import LABELS, tiny_model

FILES = {"model.safetensors", "config.json", "resnet_demo.json", "README.md"}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


def problem(folder: Path) -> str:
    with pytest.raises(AppError) as caught:
        open_saved(folder)
    return caught.value.message.key


# Writing and reading again.


@pytest.mark.parametrize("variant", ["resnet18", "preact_resnet18", "cifar_plain20"])
def test_all_survives(folder: Path, variant: str) -> None:
    model = replace(
        trained(variant), training_info=TrainingInfo(parent="resnet18", metrics={"top1": 0.9}, temperature=1.5)
    )
    write(model, folder, card="# A card 卡片")
    opened = open_saved(folder)
    assert {path.name for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert torch.equal(logits(opened.network), logits(model.network))
    assert not opened.network.training
    assert replace(opened, network=model.network) == replace(model, name=str(folder), origin=None)
    assert (folder / "README.md").read_text(encoding="utf-8") == "# A card 卡片"


def test_a_network_may_lie_in_memory_as_it_likes(folder: Path) -> None:
    model = trained("cifar_resnet20")
    before = logits(model.network)
    write(replace(model, network=model.network.to(memory_format=torch.channels_last)), folder, card="")
    torch.testing.assert_close(logits(open_saved(folder).network), before)


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    model = trained("resnet18")
    model.network.layer1[0].bn1.running_var[0] = 1e6  # more than half precision can hold
    before = logits(model.network)
    write(model, tmp_path / "whole", card="")
    write(model, tmp_path / "half", card="", half=True)
    whole, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half"))
    assert half < 0.51 * whole
    assert json.loads((tmp_path / "half" / "config.json").read_text(encoding="utf-8"))["dtype"] == "float32"
    opened = open_saved(tmp_path / "half").network
    assert {parameter.dtype for parameter in opened.parameters()} == {torch.float32}
    torch.testing.assert_close(logits(opened), before, atol=0.02, rtol=0.02)


def test_an_empty_folder_is_used_and_a_full_one_is_not(folder: Path) -> None:
    folder.mkdir()
    write(tiny_model(), folder, card="first")
    with pytest.raises(AppError, match="not empty"):
        write(tiny_model(), folder, card="second")
    assert (folder / "README.md").read_text(encoding="utf-8") == "first"


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AppError, match="could not be saved"):
        write(tiny_model(), tmp_path / "file" / "model", card="")
    with pytest.raises(AppError, match="label_names"):
        write(replace(tiny_model(), labels=("a\n", *LABELS[1:])), tmp_path / "model", card="")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Damaged folders.


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "resnet_demo.json"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    write(tiny_model(), folder, card="")
    (folder / file).unlink()
    with pytest.raises(AppError, match=file):
        open_saved(folder)
    assert problem(folder) == "saved.problem.no_file"


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert problem(tmp_path / "nowhere") == "saved.problem.no_file"


def test_a_folder_with_files_of_weights_alone_names_them(folder: Path) -> None:
    folder.mkdir()
    for name in ("last.ckpt", "net.pth", "notes.txt"):
        (folder / name).touch()
    with pytest.raises(AppError, match=r"last\.ckpt, net\.pth\. Name") as caught:
        open_saved(folder)
    assert caught.value.message.key == "saved.problem.only_weights"


@pytest.mark.parametrize("file", ["config.json", "resnet_demo.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b"{", b"[" * 100_000, b'{"a": ' + b"1" * 5000 + b"}"],
    ids=["empty", "list", "no text", "cut", "deep", "long number"],
)
def test_json_that_is_none(folder: Path, file: str, content: bytes) -> None:
    write(tiny_model(), folder, card="")
    (folder / file).write_bytes(content)
    assert problem(folder) == "saved.problem.no_json"


def test_json_of_any_depth_ends_in_a_sentence(folder: Path) -> None:
    write(tiny_model(), folder, card="")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["pretrained_cfg"]["mean"] = "deep"
    cut = json.dumps(config).split('"deep"')
    for depth in range(700, sys.getrecursionlimit()):
        (folder / "config.json").write_text(("[" * depth + "]" * depth).join(cut), encoding="utf-8")
        assert problem(folder) in {"saved.problem.no_json", "preprocessing.bad_spec"}


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_files_without_end_are_not_read(folder: Path, file: str) -> None:
    write(tiny_model(), folder, card="")
    with (folder / file).open("r+b") as opened:
        opened.truncate(3 * 10**9)  # a hole, which takes no room
    assert problem(folder) == "saved.problem.too_large"


def test_labels_that_the_weights_do_not_have_are_refused(folder: Path) -> None:
    write(tiny_model(), folder, card="")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["num_classes"] = 6
    config["label_names"].append("one more")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert problem(folder) == "saved.problem.entry"


def test_the_stride_cannot_be_mixed_up(folder: Path) -> None:
    """The keys and shapes of both networks are the same: only the description tells them apart."""
    write(trained("resnet50_stride1x1"), folder, card="")
    assert open_saved(folder).variant == "resnet50_stride1x1"
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(config.replace("resnet_demo_resnet50_stride1x1", "resnet50"), encoding="utf-8")
    assert problem(folder) == "saved.problem.entry"


@pytest.mark.parametrize("file", ["config.json", "resnet_demo.json", "model.safetensors"])
def test_damage_ends_in_a_model_or_a_sentence(folder: Path, file: str) -> None:
    write(replace(tiny_model(), training_info=TrainingInfo(metrics={"top1": 0.5})), folder, card="")
    whole = (folder / file).read_bytes()
    chance, told = random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(min(len(damaged), 3000))
            damaged[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        (folder / file).write_bytes(damaged)
        try:
            open_saved(folder)
        except AppError as error:
            told += bool(error.say("zh-CN").encode())
    assert told > 50


@pytest.mark.parametrize("half", [False, True])
def test_two_bytes_of_the_weights_turned_over_are_noticed(folder: Path, half: bool) -> None:
    """All numbers stay finite: without the hash, as earlier versions wrote it, the model opens and answers."""
    write(tiny_model(), folder, card="", half=half)
    flip_in_the_midst(folder / "model.safetensors")
    assert problem(folder) == "saved.problem.damaged"
    ours = json.loads((folder / "resnet_demo.json").read_text(encoding="utf-8"))
    del ours["weights_sha256"]
    (folder / "resnet_demo.json").write_text(json.dumps(ours), encoding="utf-8")
    assert open_saved(folder).variant == "cifar_resnet20"


def test_the_hash_is_that_of_the_weights(folder: Path) -> None:
    write(tiny_model(), folder, card="")
    ours = json.loads((folder / "resnet_demo.json").read_text(encoding="utf-8"))
    assert ours["weights_sha256"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


# From the Hub, whose client reads its variables when it is imported: in a process of its own.

OPENER = """
import json, sys
from resnet_demo.models.saved import open_hub
from resnet_demo.texts import AppError
said = []
for name in sys.argv[1:]:
    steps = []
    try:
        model = open_hub(name, lambda *step: steps.append(step))
        said.append([model.name, model.origin, model.labels, model.network.fc.bias.tolist(), bool(steps)])
    except AppError as error:
        said.append(error.message.key)
print(json.dumps(said))
"""


def open_elsewhere(url: str, home: Path, *names: str) -> Any:
    environ = dict(os.environ, HF_ENDPOINT=url, HF_HOME=str(home))
    command = [sys.executable, "-c", OPENER, *names]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_hub_has_ours_and_others(server: Loopback, folder: Path, tmp_path: Path) -> None:
    model = tiny_model()
    write(model, folder, card="")
    files = {name: (folder / name).read_bytes() for name in FILES}
    server.serve_hub("owner/ours", files)
    server.serve_hub("owner/cut", {**files, "resnet_demo.json": b"{"})
    config = json.loads(files["config.json"])
    del config["resnet_demo"]
    server.serve_hub("owner/foreign", {**files, "config.json": json.dumps(config).encode()})
    names = [f"hf-hub:owner/{name}" for name in ("ours", "foreign", "cut", "none", "../../x")]
    *opened, cut, none, nonsense = open_elsewhere(server.url, tmp_path / "hf", *names)
    for (name, origin, labels, bias, told), repo in zip(opened, ("owner/ours", "owner/foreign"), strict=True):
        assert (name, origin) == (f"hf-hub:{repo}", f"https://huggingface.co/{repo}")
        assert tuple(labels) == model.labels
        assert bias == model.network.fc.bias.tolist()
        assert told
    assert (cut, none) == ("saved.problem.no_json", "download.problem.hub_absent")
    assert nonsense == "saved.problem.hub_name"
    assert not any(request.path == "/owner/foreign/resolve/main/resnet_demo.json" for request in server.requests)
    again = open_elsewhere("http://127.0.0.1:9", tmp_path / "hf", *names[:2])
    assert [model[:4] for model in again] == [model[:4] for model in opened]


@pytest.mark.slow
def test_the_hub_has_folders_of_timm_and_transformers(server: Loopback, tmp_path: Path) -> None:
    """With `pytorch_model.bin` alone, as older ones have it, and with or without a preprocessor."""
    network = trained("resnet18").network
    torch.save(network.state_dict(), tmp_path / "weights.bin")
    weights = {"pytorch_model.bin": (tmp_path / "weights.bin").read_bytes()}
    timms = {"architecture": "resnet18", "num_classes": 5, "pretrained_cfg": {}}
    theirs = {
        "model_type": "resnet",
        "layer_type": "basic",
        "depths": [2, 2, 2, 2],
        "hidden_sizes": [64, 128, 256, 512],
        "id2label": dict(enumerate(LABELS)),
    }
    pictures = {"preprocessor_config.json": json.dumps({"size": 224, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})}
    files = {"timm": {"config.json": json.dumps(timms)}, "bare": {"config.json": json.dumps(theirs)}}
    files["whole"] = {**files["bare"], **pictures}
    for name, texts in files.items():
        server.serve_hub(f"owner/{name}", {**weights, **{file: text.encode() for file, text in texts.items()}})
    opened = open_elsewhere(server.url, tmp_path / "hf", *(f"hf-hub:owner/{name}" for name in files))
    assert [bias for _, _, _, bias, _ in opened] == [network.fc.bias.tolist()] * 3
    assert tuple(opened[1][2]) == LABELS


def test_the_version_is_written(folder: Path) -> None:
    write(tiny_model(), folder, card="")
    assert json.loads((folder / "resnet_demo.json").read_text(encoding="utf-8"))["version"] == VERSION
