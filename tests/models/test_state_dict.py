"""Weights in files: whole ones, old ones, halved ones, and hostile ones."""

from __future__ import annotations

import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from resnet_demo.models import state_dict, variants
from resnet_demo.models.state_dict import load_network
from resnet_demo.texts import AppError

VARIANT, CLASSES = "cifar_resnet20", 5
State = dict[str, Any]


@pytest.fixture
def state() -> State:
    """A network's weights, with norms that have seen some data."""
    torch.manual_seed(0)
    network = variants.build(VARIANT, CLASSES)
    with torch.no_grad():
        network(torch.randn(8, 3, 32, 32))
    return network.state_dict()


def logits(state: State) -> Tensor:
    network = variants.build(VARIANT, CLASSES)
    network.load_state_dict(state)
    with torch.no_grad():
        return network.eval()(images())


def images() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def load(path: Path) -> Tensor:
    network = load_network(VARIANT, CLASSES, path)
    assert not network.training
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    with torch.no_grad():
        return network(images())


def store(state: Any, path: Path) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    return path


def problem(path: Path) -> str:
    with pytest.raises(AppError, match=path.name) as caught:
        load_network(VARIANT, CLASSES, path)
    return caught.value.message.key.removeprefix("weights.problem.")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_precision_becomes_float32(state: State, tmp_path: Path, suffix: str, dtype: torch.dtype) -> None:
    stored = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}
    path = store(stored, tmp_path / f"weights.{suffix}")
    torch.testing.assert_close(load(path), logits(stored))


def test_old_files_without_counters_are_welcome(state: State, tmp_path: Path) -> None:
    old = {key: value for key, value in state.items() if "num_batches" not in key}
    path = store(old, tmp_path / "weights.pth")
    torch.testing.assert_close(load(path), logits(state))


class Bomb:
    """A pickle that would make a folder when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_nothing_in_a_file_is_executed(tmp_path: Path, suffix: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / f"weights.{suffix}"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps({"conv1.weight": Bomb(mark)}, protocol=protocol))
        assert problem(path) in {"objects", "unreadable"}
    for new in (True, False):
        torch.save({"conv1.weight": Bomb(mark)}, path, _use_new_zipfile_serialization=new)
        assert problem(path) == "objects"
    assert not mark.exists()
    pickle.loads(pickle.dumps(Bomb(mark)))  # noqa: S301  the bomb is a live one
    assert mark.exists()


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"no weights", b"PK\x03\x04", b"\xff" * 100], ids=["empty", "text", "zip", "ff"]
)
def test_what_is_no_weights_file_is_told(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(content)
    assert problem(path) == "unreadable"


def drop(state: State) -> None:
    del state["fc.bias"]


def add(state: State) -> None:
    state["extra" * 50] = torch.zeros(1)


def reshape(state: State) -> None:
    state["fc.bias"] = state["fc.bias"].reshape(1, -1)


def complexify(state: State) -> None:
    state["fc.bias"] = state["fc.bias"].to(torch.complex64)


def count(state: State) -> None:
    state["fc.bias"] = state["fc.bias"].to(torch.int64)


def sparsify(state: State) -> None:
    state["fc.weight"] = state["fc.weight"].to_sparse()


def vanish(state: State) -> None:
    state["fc.weight"] = state["fc.weight"].to("meta")


def replace(state: State) -> None:
    state["fc.weight"] = [0.0]


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize("change", [drop, add, reshape, complexify, count, sparsify, vanish, replace])
def test_weights_of_another_kind_are_named(state: State, tmp_path: Path, change: Callable[[State], None]) -> None:
    state = dict(state)
    change(state)
    assert problem(store(state, tmp_path / "weights.pth")) == "other_network"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["layer3.2.conv2.weight", "layer3.2.bn2.running_var"])
def test_numbers_that_are_none_are_told(state: State, tmp_path: Path, key: str, value: float) -> None:
    state[key].view(-1)[3] = value
    assert problem(store(state, tmp_path / "weights.pth")) == "not_finite"


@pytest.mark.parametrize("content", [[1, 2], {1: torch.zeros(1)}, torch.zeros(3)], ids=["list", "numbers", "tensor"])
def test_a_pickle_of_something_else(tmp_path: Path, content: Any) -> None:
    assert problem(store(content, tmp_path / "weights.pth")) == "unreadable"


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dict, "MAX_WEIGHT_BYTES", 4_000_000)
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"archive/data/{number}", bytes(2_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(AppError, match="larger than the 4 MB"):
        load_network(VARIANT, CLASSES, path)


def test_a_damaged_size_is_not_taken_for_a_lack_of_memory(tmp_path: Path) -> None:
    """Of 1000 numbers the file now says that there are 2 ** 50."""
    path = tmp_path / "weights.pth"
    torch.save({"conv1.weight": torch.zeros(1000)}, path, _use_new_zipfile_serialization=False)
    whole, size = path.read_bytes(), b"M\xe8\x03"
    path.write_bytes(whole.replace(size, b"\x8a\x08" + struct.pack("<q", 2**50), 1))
    assert problem(path) == "unreadable"


def test_dictionaries_that_hold_themselves_are_looked_at_once(state: State, tmp_path: Path) -> None:
    around: State = {}
    around.update({str(number): around for number in range(2000)}, state_dict=state)
    torch.testing.assert_close(load(store(around, tmp_path / "weights.pth")), logits(state))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_damage_ends_in_a_network_or_a_sentence(state: State, tmp_path: Path, suffix: str) -> None:
    whole = store(state, tmp_path / f"whole.{suffix}").read_bytes()
    path, chance, told = tmp_path / f"weights.{suffix}", random.Random(0), 0
    for _ in range(100):
        damaged = bytearray(whole[: chance.choice([len(whole), chance.randrange(1, len(whole))])])
        for _ in range(chance.randrange(20)):
            # Half of the hits go where the names, shapes and offsets are.
            place = chance.randrange(min(len(damaged), chance.choice([2000, len(whole)])))
            damaged[place] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            load_network(VARIANT, CLASSES, path)
        except AppError:
            told += 1
    assert told > 50
