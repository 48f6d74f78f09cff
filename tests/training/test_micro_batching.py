"""Micro-batches: halved until memory suffices, told once, and given up in the right words."""

from __future__ import annotations

import errno

import pytest
import torch
from torch import Tensor

from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.texts import AppError, text
from resnet_demo.training.micro_batching import MicroBatching

CPU = torch.device("cpu")


class Work:
    """Work that fits as long as its micro-batches have few photos, and what was tried and told."""

    def __init__(self, fits: int, fewest: int = 1, error: str = "CUDA out of memory.") -> None:
        self.fits, self.error = fits, error
        self.tried: list[int] = []
        self.told: list[dict[str, int]] = []
        self.batching = MicroBatching(CPU, self._hear, "train.said.smaller_pieces", fewest)

    def _hear(self, key: str, **fields: int) -> None:
        assert text(key, "zh-CN", **fields)
        self.told.append(fields)

    def take(self, photos: int) -> None:
        self.batching.run(photos, lambda micro_batches: self._compute(photos, micro_batches))

    def _compute(self, photos: int, micro_batches: int) -> None:
        self.tried.append(micro_batches)
        if max(map(len, torch.zeros(photos).tensor_split(micro_batches))) > self.fits:
            raise RuntimeError(self.error)


def test_batches_are_halved_until_they_fit_and_that_is_told_once() -> None:
    work = Work(fits=5)
    work.take(16)
    work.take(16)
    work.take(4)
    assert work.tried == [1, 2, 4, 4, 4]
    assert work.told == [{"pieces": 4, "photos": 4}]


def test_a_micro_batch_never_has_too_few_photos() -> None:
    work = Work(fits=3, fewest=2)
    work.take(8)
    for photos in (7, 3, 2, 1):
        work.take(photos)
    assert work.tried == [1, 2, 4, 3, 1, 1, 1]


def test_what_does_not_fit_at_all_is_said() -> None:
    work = Work(fits=1, fewest=2)
    with pytest.raises(AppError) as caught:
        work.take(6)
    assert caught.value.message.key == "train.problem.out_of_memory"
    assert work.tried == [1, 2, 3]
    assert work.told == []


def test_an_error_that_may_mean_something_else_is_not_called_memory() -> None:
    """oneDNN has one word for both: smaller micro-batches are tried, and then the error speaks for itself."""
    work = Work(fits=2, error="could not create a primitive")
    work.take(4)
    assert work.batching.count == 2
    work.fits = 0
    with pytest.raises(RuntimeError, match="could not create a primitive"):
        work.take(4)
    assert work.tried == [1, 2, 2, 4]


def test_other_errors_are_left_alone() -> None:
    work = Work(fits=0, error="mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        work.take(4)
    assert work.tried == [1]


def test_layers_see_all_photos_in_order() -> None:
    def double(inputs: Tensor) -> Tensor:
        if len(inputs) > 2:
            raise MemoryError
        return 2 * inputs

    micro_batches = MicroBatching(CPU, lambda *_, **__: None, "train.said.smaller_looks")
    assert micro_batches.apply(double, torch.arange(7.0)).tolist() == [0, 2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (RuntimeError("could not create a primitive"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (AppError("train.problem.no_settings"), False),
    ],
)
def test_what_is_certainly_memory(error: Exception, is_it: bool) -> None:
    assert is_out_of_memory(error) is is_it
