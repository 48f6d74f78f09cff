"""Batches: every photo once an epoch, the same from the same seed, on any number of processes, decoded once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from resnet_demo.data import images
from resnet_demo.data.preprocessing import ImageSpec, fit, normalise
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.batch_loader import Batch, BatchLoader, LabelledPhotos
from resnet_demo.training.config import ResolvedConfig
from resnet_demo.training.decoded_photos import PhotoDecoder
from resnet_demo.training.distributed import DistributedContext, StopAskedError
from resnet_demo.training.presets import Start
from tests.tiny import photos
from tests.training.small_runs import SMALL

CPU = torch.device("cpu")
SPEC = ImageSpec(crop_size=32, resize_size=36)
COUNT = 23


def decoder(folder: Path, stop: bool = False) -> PhotoDecoder:
    return PhotoDecoder(
        DistributedContext(CPU), ArrayStore(folder / "cache", 10**9), Settings().max_pixels, lambda: stop
    )


def resolve(**overrides: Any) -> ResolvedConfig:
    config = replace(SMALL, **overrides)
    return config.resolved(photos=COUNT, per_class={"a": 12, "b": 11}, device="cpu", start=Start(True, 32))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return photos(tmp_path_factory.mktemp("photos"), COUNT, (60, 44))


def loader(paths: Sequence[Path], folder: Path, rank: int = 0, world: int = 1, **overrides: Any) -> BatchLoader:
    """The first `COUNT` - 5 photos to learn from, the others to choose by, in five classes."""
    labels = torch.arange(len(paths)) % 5
    read = decoder(folder)
    training = LabelledPhotos(read.squares(paths[:-5], SPEC), labels[:-5])
    validation = LabelledPhotos(read.crops(paths[-5:], SPEC), labels[-5:])
    distributed = DistributedContext(CPU, rank, world, world)
    return BatchLoader(training, validation, classes=5, config=resolve(**overrides), spec=SPEC, distributed=distributed)


def joined(batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    found = list(batches)
    return torch.cat([one.inputs for one in found]), torch.cat([one.targets for one in found])


def in_order(rows: Tensor) -> Tensor:
    """Sorted, so that two orders of the same photos are equal."""
    flat = rows.reshape(len(rows), -1)
    return flat[np.lexsort(flat[:, :40].T.numpy())]


def test_pixels_are_what_preprocessing_gives(paths: list[Path], tmp_path: Path) -> None:
    crops, squares = decoder(tmp_path).crops(paths, SPEC), decoder(tmp_path).squares(paths, SPEC)
    picture = images.load(paths[3])
    assert isinstance(picture, images.Picture)
    assert np.array_equal(crops.pictures[3].numpy(), fit(picture.image, SPEC, "crop"))
    assert squares.pictures.shape == (COUNT, 37, 37, 3)
    assert squares.shapes[3] == pytest.approx(60 / 44)
    whole = np.array(picture.image.resize((37, 37), Image.Resampling.BILINEAR))
    assert np.array_equal(squares.pictures[3].numpy(), whole)


def test_an_epoch_shows_every_photo_once(paths: list[Path], tmp_path: Path) -> None:
    source = loader(paths, tmp_path, augment=0.0, batch_size=4)
    batches = list(source.epoch(0, 32))
    assert [one.photos for one in batches] == [4, 4, 4, 3, 3]  # no tail of two
    shown, targets = joined(batches)
    everything, _ = joined(loader(paths, tmp_path, augment=0.0, batch_size=18).epoch(5, 32))
    assert torch.equal(in_order(shown), in_order(everything))
    assert targets.sum(dim=0).tolist() == [4, 4, 4, 3, 3]
    later, _ = joined(source.epoch(1, 32))
    assert not torch.equal(later, shown), "every epoch in the same order"
    assert torch.equal(in_order(later), in_order(shown))


@pytest.mark.parametrize("views", [0, 3])
def test_photos_are_mirrored_unless_that_is_switched_off(tmp_path: Path, views: int) -> None:
    """Photos that are dark on their left."""
    (tmp_path / "photos").mkdir()
    paths = []
    for number in range(COUNT):
        pixels = np.full((44, 60, 3), 230, np.uint8)
        pixels[:, :30] = number
        paths.append(tmp_path / "photos" / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    for mirror in (True, False):
        source = loader(paths, tmp_path, augment=0.1, mirror=mirror, views=views)
        shown, _ = joined(batch for epoch in range(3) for batch in source.epoch(epoch, 32))
        left, right = shown[..., :16].mean(dim=(1, 2, 3)), shown[..., 16:].mean(dim=(1, 2, 3))
        assert bool((left > right).any()) == mirror


def test_the_seed_decides_everything(paths: list[Path], tmp_path: Path) -> None:
    overrides = {"augment": 0.8, "mixup": 0.2, "cutmix": 1.0}
    first, again = (joined(loader(paths, tmp_path, **overrides).epoch(1, 32)) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    for other in (
        joined(loader(paths, tmp_path, **overrides).epoch(2, 32)),
        joined(loader(paths, tmp_path, **overrides, seed=9).epoch(1, 32)),
    ):
        assert not torch.equal(first[0], other[0])


def test_an_epoch_can_be_taken_up_anywhere(paths: list[Path], tmp_path: Path) -> None:
    source = loader(paths, tmp_path, augment=0.8, mixup=0.2, batch_size=4)
    whole = list(source.epoch(3, 32))
    for step in range(len(whole) + 1):
        rest = list(source.epoch(3, 32, step))
        assert len(rest) == len(whole) - step
        assert all(torch.equal(one.inputs, two.inputs) for one, two in zip(rest, whole[step:], strict=True))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(paths: list[Path], tmp_path: Path, world: int) -> None:
    whole = list(loader(paths, tmp_path, augment=0.8).epoch(0, 32))
    parts = [list(loader(paths, tmp_path, rank, world, augment=0.8).epoch(0, 32)) for rank in range(world)]
    for number, batch in enumerate(whole):
        shown, targets = joined(part[number] for part in parts)
        assert torch.equal(in_order(shown), in_order(batch.inputs))
        assert torch.equal(targets.sum(dim=0), batch.targets.sum(dim=0))
        assert all(part[number].photos == batch.photos for part in parts)


@pytest.mark.parametrize("world", [1, 2, 7])
def test_each_validation_photo_is_looked_at_by_one_process(paths: list[Path], tmp_path: Path, world: int) -> None:
    """Even where there are more processes than photos."""
    expected = normalise(decoder(tmp_path).crops(paths[-5:], SPEC).pictures, SPEC)
    sources = [loader(paths, tmp_path, rank, 1) for rank in range(world)]
    for rank, source in enumerate(sources):
        source.distributed = DistributedContext(CPU, rank, world, world)
    shown, targets = joined(batch for source in sources for batch in source.validation_batches())
    assert torch.equal(in_order(shown), in_order(expected))
    assert targets.sum(dim=0).tolist() == [1, 1, 1, 1, 1]


def test_pictures_have_the_size_asked_for(paths: list[Path], tmp_path: Path) -> None:
    source = loader(paths, tmp_path)
    assert next(source.epoch(0, 24)).inputs.shape == (6, 3, 24, 24)
    assert next(source.epoch(0, 24)).inputs.is_contiguous(memory_format=torch.channels_last)


def test_mixing_mixes_labels_too(paths: list[Path], tmp_path: Path) -> None:
    for overrides in ({"mixup": 0.4, "cutmix": 0.0}, {"mixup": 0.0, "cutmix": 1.0}):
        _, targets = joined(loader(paths, tmp_path, **overrides).epoch(0, 32))
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(18))
        assert int(((targets > 0).sum(dim=1) == 2).sum()) > 3
        assert len({round(share, 4) for share in targets.amax(dim=1).tolist() if share < 1}) > 1, "one share for all"


def test_without_augmentation_photos_are_as_in_evaluation(paths: list[Path], tmp_path: Path) -> None:
    source = loader(paths, tmp_path, augment=0.0, batch_size=18)
    shown, _ = joined(source.epoch(0, 32))
    expected = normalise(decoder(tmp_path).crops(paths[:-5], SPEC).pictures, SPEC)
    distances = (shown[:, None] - expected[None]).abs().mean(dim=(2, 3, 4))
    nearest, order = distances.min(dim=1)
    assert sorted(order.tolist()) == list(range(18))
    # Once resampled more: noise that is enlarged sixfold stays close.
    assert nearest.mean() < 0.1


def frozen(pictures: Tensor) -> Tensor:
    """Some function of each picture alone."""
    return pictures[:, :, ::4, ::4] * 2


def test_features_are_made_once_for_each_view(paths: list[Path], tmp_path: Path) -> None:
    calls = 0

    def counted(pictures: Tensor) -> Tensor:
        nonlocal calls
        calls += len(pictures)
        return frozen(pictures)

    overrides = {"views": 3, "augment": 0.5, "train_depth": 1, "scratch": False}
    plain, source = loader(paths, tmp_path, **overrides), loader(paths, tmp_path, **overrides)
    source.cache_features(counted, ArrayStore(tmp_path, 10**9), lambda: False)
    after = calls
    assert after == 3 * (18 + 1) + 5 + 1  # and one more each, to know their shape
    for epoch in range(6):
        for made, kept in zip(plain.epoch(epoch, 32), source.epoch(epoch, 32), strict=True):
            assert kept.features
            assert not made.features
            torch.testing.assert_close(kept.inputs, frozen(made.inputs))
            assert torch.equal(kept.targets, made.targets)
    views = [in_order(joined(source.epoch(epoch, 32))[0]) for epoch in range(4)]
    assert torch.equal(views[0], views[3])
    assert not torch.equal(views[0], views[1])
    for made, kept in zip(plain.validation_batches(), source.validation_batches(), strict=True):
        torch.testing.assert_close(kept.inputs, frozen(made.inputs))
    assert calls == after, "an epoch ran frozen stages again"


def test_what_cannot_be_read_is_left_out_and_told(paths: list[Path], tmp_path: Path) -> None:
    """Damaged in its midst, so that only decoding finds out."""
    broken = tmp_path / "broken.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(broken, quality=95)
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    mixed = [paths[0], broken, *paths[1:10]]
    decoded = decoder(tmp_path).squares(mixed, SPEC)
    assert list(decoded.unreadable) == [1]
    assert "is cut off" in decoded.unreadable[1]
    labels = torch.tensor([0, 4, *[0] * 9])
    labelled = LabelledPhotos(decoded, labels)
    source = BatchLoader(
        labelled, labelled, classes=5, config=resolve(), spec=SPEC, distributed=DistributedContext(CPU)
    )
    for batches in (source.epoch(0, 32), source.validation_batches()):
        _, targets = joined(batches)
        assert targets.sum(dim=0).tolist() == [10, 0, 0, 0, 0]


def test_a_batch_never_has_a_photo_alone(paths: list[Path], tmp_path: Path) -> None:
    """A norm cannot learn from one value for each channel."""
    few = loader(paths[:8], tmp_path, batch_size=2)
    assert [one.photos for one in few.epoch(0, 32)] == [3]
    with pytest.raises(AppError) as caught:
        loader(paths[:6], tmp_path)
    assert caught.value.message.key == "train.problem.few_photos"
    with pytest.raises(AppError):
        loader(paths[:8], tmp_path, 0, 2)


def test_a_stop_is_noticed_before_the_first_step(paths: list[Path], tmp_path: Path) -> None:
    with pytest.raises(StopAskedError):
        decoder(tmp_path, stop=True).squares(paths, SPEC)
    with pytest.raises(StopAskedError):
        loader(paths, tmp_path, views=1).cache_features(frozen, ArrayStore(tmp_path, 10**9), lambda: True)


def test_what_memory_has_no_room_for_lies_on_the_disk(paths: list[Path], tmp_path: Path) -> None:
    small = ArrayStore(tmp_path / "cache", 100_000)
    read = PhotoDecoder(DistributedContext(CPU), small, Settings().max_pixels, lambda: False)
    in_memory, on_disk = read.crops(paths, SPEC), read.squares(paths, SPEC)
    assert small.memory_left == 100_000 - in_memory.pictures.numel()
    assert torch.equal(on_disk.pictures, decoder(tmp_path).squares(paths, SPEC).pictures)
    assert list((tmp_path / "cache").iterdir()) == [], "a killed process would leave it behind"


def test_numbers_of_any_kind_have_room(tmp_path: Path) -> None:
    for dtype in (torch.bfloat16, torch.float32, torch.uint8):
        array = ArrayStore(tmp_path, 0).zeros((3, 5, 2), dtype)
        assert (array.dtype, array.shape, float(array.sum())) == (dtype, (3, 5, 2), 0)
        array[1] = 2
        assert array[1].float().sum() == 20
    with pytest.raises(AppError) as caught:
        ArrayStore(tmp_path, 0).zeros((1 << 45,), torch.uint8)
    assert caught.value.message.key == "train.problem.no_room"
    assert list(tmp_path.iterdir()) == []
