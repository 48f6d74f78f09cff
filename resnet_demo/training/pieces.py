"""Batches taken in pieces, as small as memory asks for: where it runs out they are halved, and the work goes on."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from resnet_demo.texts import AppError

Result = TypeVar("Result")
Say = Callable[..., None]
"""Tells people something: a key of the texts and its fields."""

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""What torch says, among other words, where memory runs out on a CPU or MPS; on CUDA the error has its own type."""
PERHAPS = "could not create a primitive"
"""What oneDNN says then; but also where it cannot do something at all."""


class Pieces:
    """Into how many pieces batches are cut: `number`, which doubles when memory runs out and stays so.

    Args:
        said: the sentence that tells of it, with the fields `pieces` and `photos`.
        fewest: photos that a piece holds at least, if the batch has so many.
    """

    def __init__(self, device: torch.device, say: Say, said: str, fewest: int = 1) -> None:
        self.device, self.fewest = device, fewest
        self.number = 1
        self._say, self._said = say, said

    def attempt(self, photos: int, work: Callable[[int], Result]) -> Result:
        """Do some `work`, which is told into how many pieces to cut a batch of so many photos, until memory suffices.

        Raises:
            AppError: it does not suffice for the smallest pieces either.
        """
        before, most = self.number, self._most(photos)
        while True:
            try:
                result = work(self.of(photos))
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) and PERHAPS not in str(error):
                    raise
                if self.number >= most:
                    if is_out_of_memory(error):
                        raise AppError("train.problem.out_of_memory") from error
                    raise
            # Here the error, and with it all that the work held, is gone.
            self._halve(most)
        if self.number > before:
            self._say(self._said, pieces=self.number, photos=math.ceil(photos / self.number))
        return result

    def of(self, photos: int) -> int:
        """Into how many a batch of so many photos is cut now."""
        return min(self.number, self._most(photos))

    def through(self, layers: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """What layers that take each photo by itself make of inputs (N, ...)."""
        return self.attempt(len(inputs), lambda pieces: torch.cat([*map(layers, inputs.tensor_split(pieces))]))

    def _most(self, photos: int) -> int:
        return max(1, photos // self.fewest)

    def _halve(self, most: int) -> None:
        self.number = min(2 * self.number, most)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is certainly memory running out, on whichever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error).lower() for words in NO_MEMORY)
