"""Every engine answers as float32 does, and the choice among them rests on what was measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.engine_choice import BATCH, EngineChoice, Measurement
from resnet_demo.engines import ENGINE_KINDS, Engine
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from tests.conftest import ROOT
from tests.tiny import tiny_model

CPU = torch.device("cpu")


def batch(photos: int = BATCH) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(photos, 3, 32, 32).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("photos", [1, 5, BATCH])
@pytest.mark.parametrize(
    "engine",
    [name if name in {"float32", "mixed"} else pytest.param(name, marks=pytest.mark.slow) for name in ENGINE_KINDS],
)
def test_answers_as_the_plain_network(engine: str, photos: int) -> None:
    if not ENGINE_KINDS[engine].is_available(CPU):
        pytest.skip(f"{engine} needs something that is not installed here")
    model = tiny_model()
    pictures = batch(photos)
    with torch.inference_mode():
        expected = model.network(pictures).softmax(1)
        answered = EngineChoice(model, CPU, engine=engine).run(pictures, photos).softmax(1)
    torch.testing.assert_close(answered, expected, atol=2e-2 if engine == "mixed" else 1e-5, rtol=0)


def test_a_short_job_runs_in_float32_and_measures_nothing(tmp_path: Path) -> None:
    choice = EngineChoice(tiny_model(), CPU, tmp_path / "engines.json")
    with torch.inference_mode():
        choice.run(batch(), BATCH)
        choice.run(batch(3), 3)
    assert set(choice.photos_run) == {"float32"}
    assert not (tmp_path / "engines.json").exists()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a long job leaves for the next process."""
    cache = tmp_path_factory.mktemp("measured") / "engines.json"
    with torch.inference_mode():
        EngineChoice(tiny_model(), CPU, cache).run(batch(), 20_000)
    return cache.read_text(encoding="utf-8")


def test_a_long_job_measures(measured: str) -> None:
    (measurement,) = json.loads(measured).values()
    assert measurement["mixed"]["speed"] > 0


@pytest.mark.parametrize(
    ("measurement", "chosen"),
    [
        (Measurement(3.0, 0.1, True), "mixed"),
        (Measurement(3.0, 0.1, False), "float32"),  # quick, but answers differently
        (Measurement(1.05, 0.1, True), "float32"),  # not worth it
        (Measurement(3.0, 1e6, True), "float32"),  # would take longer to get ready than it saves
    ],
)
def test_the_next_process_chooses_by_the_measurements(
    measurement: Measurement, chosen: str, measured: str, tmp_path: Path
) -> None:
    cache = tmp_path / "engines.json"
    noted = {name: Measurement(0.0, 0.0, False) for name in ENGINE_KINDS} | {"mixed": measurement}
    figures = {name: asdict(one) for name, one in noted.items()}
    cache.write_text(json.dumps(dict.fromkeys(json.loads(measured), figures)), encoding="utf-8")
    before = cache.read_bytes()
    choice = EngineChoice(tiny_model(), CPU, cache)
    with torch.inference_mode():
        choice.run(batch(), 20_000)  # the first batch tells how long the job will take
        choice.run(batch(), 20_000 - BATCH)
    assert choice.photos_run == Counter({"float32": BATCH}) + Counter({chosen: BATCH})
    assert cache.read_bytes() == before, "measured again"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"x": {"mixed": {"speed": 2}}}', b"[" * 99_999])
def test_a_damaged_cache_is_measured_again(content: bytes, tmp_path: Path) -> None:
    cache = tmp_path / "engines.json"
    cache.write_bytes(content)
    with torch.inference_mode():
        EngineChoice(tiny_model(), CPU, cache).run(batch(), 20_000)
    assert any("mixed" in engines for engines in json.loads(cache.read_text(encoding="utf-8")).values())


def test_notes_that_cannot_be_kept_end_nothing(tmp_path: Path) -> None:
    in_the_way = tmp_path / "home"
    in_the_way.write_text("a file where a folder should be")
    with torch.inference_mode():
        assert EngineChoice(tiny_model(), CPU, in_the_way / "engines.json").run(batch(), 20_000).shape == (BATCH, 5)


@pytest.mark.slow
def test_two_models_measured_at_once_are_both_noted(tmp_path: Path) -> None:
    cache = tmp_path / "engines.json"

    def measure(seed: int) -> None:
        with torch.inference_mode():
            EngineChoice(tiny_model(seed=seed), CPU, cache).run(batch(), 20_000)

    threads = [threading.Thread(target=measure, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(cache.read_text(encoding="utf-8"))) == 4


@pytest.mark.parametrize("variant", ["resnet18", "preact_resnet18", "highway18", "plain18", "cifar_preact_resnet20"])
def test_16_bits_run_every_family(variant: str) -> None:
    model = tiny_model(variant)
    with torch.inference_mode():
        answered = EngineChoice(model, CPU, engine="mixed").run(batch(2), 2).softmax(1)
        torch.testing.assert_close(answered, model.network(batch(2)).softmax(1), atol=2e-2, rtol=0)


def test_an_engine_that_cannot_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(AppError, match="openvino"):
        EngineChoice(tiny_model(), CPU, engine="openvino")


def wrong(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:
    return lambda pictures: network(pictures).flip(1)


def failing(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:
    raise RuntimeError("no such instruction")


@pytest.mark.parametrize(("make", "said"), [(wrong, "does not agree with the network"), (failing, "no such instr")])
def test_an_engine_that_was_asked_for_is_not_trusted(
    make: Callable[..., Engine], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in for one whose library errs on some processor."""
    monkeypatch.setitem(ENGINE_KINDS, "mixed", replace(ENGINE_KINDS["mixed"], make=make))
    engines = EngineChoice(tiny_model(), CPU, engine="mixed")
    for _ in range(2):
        with pytest.raises(AppError, match=said):
            engines.run(batch(2), 2)


@pytest.mark.slow
def test_nobody_is_told_of_a_conversion(tmp_path: Path) -> None:
    """OpenVINO's telemetry, where it is at work, leaves its number for this user in the user's folder."""
    pytest.importorskip("openvino", reason="needs openvino (requirements-dev.txt)")
    code = """
import torch
from resnet_demo.engines import make_openvino
from tests.conftest import ROOT
from tests.tiny import tiny_model
model = tiny_model()
assert make_openvino(model.network, model.spec, torch.device("cpu"))(torch.zeros(3, 3, 32, 32)).shape == (3, 5)
"""
    environ = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
    }  # not that it is CI
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ | {"HOME": str(tmp_path)}, check=True)
    assert not (tmp_path / "intel").exists()
