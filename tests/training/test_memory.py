"""What a training needs, by hand and by real trainings; how batches are split to fit, and what is said if none do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.models import variants
from resnet_demo.settings import GIGABYTE, MEGABYTE
from resnet_demo.texts import LANGUAGES, AppError
from resnet_demo.training.config import ResolvedConfig, TrainConfig
from resnet_demo.training.memory import BASE, Workload, shapes_of
from resnet_demo.training.presets import Start
from tests.conftest import ROOT
from tests.training.small_runs import make_run


def resolve(photos: int = 4000, **overrides: Any) -> ResolvedConfig:
    """Settings with nothing left open, from fresh weights unless they say otherwise."""
    given = {"scratch": True, "ema": 0.0, "mixup": 0.0, "precision": "float32", **overrides}
    if given.get("image_size"):
        given.setdefault("first_size", given["image_size"])
    config = TrainConfig("photos", **given)
    return config.resolved(photos=photos, per_class={}, device="cpu", start=Start(scratch=given["scratch"]))


def workload(variant: str, photos: int = 4000, **overrides: Any) -> Workload:
    return Workload(resolve(photos, **overrides), variant, 10, photos, 500)


def test_what_is_kept_of_a_photo_by_hand() -> None:
    """The 20 layers of the CIFAR network (He et al. 2016, section 4.2), for 10 classes and 32 pixels.

    A stage of n channels and s pixels a side has six convolutions, the first a seventh; what leaves each, and each
    ReLU, is kept. Besides the photo, what enters the last layer, and for a pair a mean and a deviation of each channel.
    """
    maps = [(7, 16, 32), (6, 32, 16), (6, 64, 8)]
    activations = sum(2 * layers * channels * side**2 for layers, channels, side in maps)
    statistics = sum(layers * channels for layers, channels, _ in maps)
    found = shapes_of("cifar_resnet20", 10, "all", 32)
    assert found.kept == 4 * (activations + 3 * 32**2 + 64 + statistics)
    assert found.largest == 4 * 16 * 32**2
    assert found.features == 4 * 3 * 32**2


def test_weights_are_as_many_as_published() -> None:
    published = variants.get("resnet50").published_parameters
    assert published is not None
    whole, head = shapes_of("resnet50", 1000, "all", 64), shapes_of("resnet50", 1000, "head", 64)
    assert whole.trainable == 4 * published
    assert head.trainable == 4 * (2048 * 1000 + 1000)
    assert head.weights == whole.weights > whole.trainable  # norms count beside
    assert head.features == 4 * 2048
    assert head.kept < whole.kept / 100


def test_what_learns_less_deeply_needs_less() -> None:
    depths: list[Any] = ["head", 1, 2, 3, 4, "all"]
    kept = [shapes_of("resnet18", 5, depth, 64).kept for depth in depths]
    assert kept == sorted(kept)
    assert kept[0] < kept[2] / 10
    # The second to last stage has maps of 4 pixels a side and 256 channels: that is what enters the last one.
    assert shapes_of("resnet18", 5, 1, 64).features == 4 * 256 * 4**2


def test_a_need_by_hand() -> None:
    found = shapes_of("resnet18", 10, "all", 224)
    need = workload("resnet18", batch_size=32, image_size=224, optimiser="adamw").need()
    assert need.batch == 32
    assert need.fixed == BASE + found.weights + 3 * found.trainable  # gradients, and Adam's two numbers for each
    assert need.bytes() > need.fixed + 32 * found.kept
    assert need.bytes(1) - need.bytes(2) == pytest.approx(1.4 * 16 * need.per_micro_batch_photo, rel=0.01)
    averaged = workload("resnet18", batch_size=32, image_size=224, ema=0.99).need()
    assert averaged.fixed - need.fixed == found.weights
    sgd = workload("resnet18", batch_size=32, image_size=224, optimiser="sgd").need()
    assert need.fixed - sgd.fixed == found.trainable
    lower = Workload(resolve(batch_size=32, image_size=224), "resnet18", 10, 4000, 500, precision="bf16").need()
    assert lower.bytes() < need.bytes()


def test_few_photos_make_small_batches() -> None:
    assert workload("resnet18", photos=100, batch_size=4096, image_size=64).need().batch == 100
    # 100 photos in batches of up to 64: two of 50 each, of which each of two processes has a half.
    shared = Workload(resolve(100, batch_size=64, image_size=64), "resnet18", 10, 100, 10, processes=2, here=2)
    assert shared.need().batch == 25
    alone = Workload(resolve(100, batch_size=64, image_size=64), "resnet18", 10, 100, 10)
    assert shared.total(1, 0) > 1.5 * alone.total(1, 0)


def test_micro_batches_are_as_few_as_fit() -> None:
    large = workload("resnet50", batch_size=64, image_size=224)
    free = [large.total(micro_batches, 10**12) for micro_batches in (1, 2, 4, 64)]
    assert free == sorted(free, reverse=True)
    assert large.micro_batches(100 * GIGABYTE) == 1
    for micro_batches in (2, 4, 8):
        available = large.total(micro_batches, 10**12)
        assert large.micro_batches(available) == micro_batches
        assert large.fitted(available) == micro_batches
    assert large.need().max_micro_batches == 32  # a norm takes no single photo
    assert large.micro_batches(BASE) is None


@pytest.mark.parametrize("free", [1, 4, 14, 60])
def test_what_is_advised_fits(free: int) -> None:
    """The batch of 4096, 512 pixels, ResNet-152, on machines of several sizes."""
    huge = workload("resnet152", photos=20_000, batch_size=4096, image_size=512)
    with pytest.raises(AppError) as caught:
        huge.fitted(free * GIGABYTE)
    message = caught.value.message
    assert float(message.fields["need"]) > free == float(message.fields["free"])
    for language in LANGUAGES:
        assert str(message.fields["need"]) in message.say(language)
    if free == 1:  # the weights alone do not fit
        assert message.key == "train.problem.memory"
        return
    setting, value = message.key.rpartition(".")[2], message.fields["value"]
    advised = workload("resnet152", photos=20_000, **{"batch_size": 4096, "image_size": 512, setting: value})
    assert advised.micro_batches(free * GIGABYTE) is not None
    assert int(value) < {"batch_size": 4096, "image_size": 512}[setting]


def test_a_share_is_for_whole_batches_and_all_photos() -> None:
    visitor = workload("resnet50", photos=2000, batch_size=512, image_size=224)
    visitor.require_share(100 * GIGABYTE)
    with pytest.raises(AppError, match="batch size") as caught:
        visitor.require_share(8 * GIGABYTE)
    assert caught.value.message.key == "train.problem.memory_share.batch_size"
    advised = int(caught.value.message.fields["value"])
    workload("resnet50", photos=2000, batch_size=advised, image_size=224).require_share(8 * GIGABYTE)
    with pytest.raises(AppError):
        workload("resnet50", photos=2000, batch_size=2 * advised, image_size=224).require_share(8 * GIGABYTE)
    crowd = Workload(resolve(image_size=512, batch_size=8), "resnet18", 10, 15_000, 5_000)
    assert crowd.decoded == pytest.approx(20_000 * (1.15 * 512) ** 2 * 3, rel=0.01)
    with pytest.raises(AppError, match="pixels a side"):
        crowd.require_share(8 * GIGABYTE)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
@pytest.mark.parametrize(("variant", "size", "batch"), [("resnet18", 160, 48), ("cifar_resnet20", 32, 8)])
def test_real_trainings_take_about_as_much(tmp_path: Path, variant: str, size: int, batch: int) -> None:
    """A training in a process of its own, with 33 photos to learn from; torch's own part differs between its builds."""
    overrides: dict[str, Any] = {"variant": variant, "image_size": size, "first_size": size, "batch_size": batch}
    run = make_run(tmp_path, epochs=1, **overrides)
    code = """
import sys
from pathlib import Path
from resnet_demo.settings import Settings
from resnet_demo.training.loop import train
from resnet_demo.training.run import Run
from tests.peak_memory import peak_memory
before = peak_memory()
train(Run(Path(sys.argv[1])), Settings(home=Path(sys.argv[2])))
print([before, peak_memory()])
"""
    command = [sys.executable, "-c", code, str(run.folder), str(tmp_path / "home")]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    before, highest = json.loads(said)
    photos = {name: len(run.facts["split"][name]) for name in ("train", "val", "test")}
    given = resolve(photos["train"], scratch=True, epochs=1, **{k: v for k, v in overrides.items() if k != "variant"})
    needed = Workload(given, variant, 3, photos["train"], photos["val"] + photos["test"]).total(1, 10**12)
    assert needed - BASE > 0.7 * (highest - before) - 150 * MEGABYTE
    assert needed - BASE < 1.6 * (highest - before) + 100 * MEGABYTE
