"""Batches split into micro-batches, whose number doubles whenever memory runs out (gradient accumulation)."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.texts import AppError

Result = TypeVar("Result")
LogMessage = Callable[..., None]
"""Logs a message for people: a key of the texts and its fields."""

PERHAPS = "could not create a primitive"
"""What oneDNN says where memory runs out; but also where it cannot do something at all."""


class MicroBatching:
    """How many micro-batches a batch is split into: `count`, which doubles when memory runs out and stays so.

    Args:
        message_key: the text that is logged then, with the fields `pieces` and `photos`.
        min_photos: photos that a micro-batch holds at least, if the batch has so many.
    """

    def __init__(self, device: torch.device, log_message: LogMessage, message_key: str, min_photos: int = 1) -> None:
        self.device, self.min_photos = device, min_photos
        self.count = 1
        self._log_message, self._message_key = log_message, message_key

    def run(self, photos: int, work: Callable[[int], Result]) -> Result:
        """Call `work` with the number of micro-batches for a batch of so many photos, until memory suffices.

        Raises:
            AppError: it does not suffice for the smallest micro-batches either.
        """
        before, max_count = self.count, self._max_count(photos)
        while True:
            try:
                result = work(self.count_for(photos))
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) and PERHAPS not in str(error):
                    raise
                if self.count >= max_count:
                    if is_out_of_memory(error):
                        raise AppError("train.problem.out_of_memory") from error
                    raise
            # Here the error, and with it all that the work held, is gone.
            self._halve(max_count)
        if self.count > before:
            self._log_message(self._message_key, pieces=self.count, photos=math.ceil(photos / self.count))
        return result

    def count_for(self, photos: int) -> int:
        """How many micro-batches a batch of so many photos is split into now."""
        return min(self.count, self._max_count(photos))

    def apply(self, layers: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        """The outputs of layers that treat each photo by itself, for inputs (N, ...)."""
        return self.run(
            len(inputs), lambda micro_batches: torch.cat([*map(layers, inputs.tensor_split(micro_batches))])
        )

    def _max_count(self, photos: int) -> int:
        return max(1, photos // self.min_photos)

    def _halve(self, max_count: int) -> None:
        self.count = min(2 * self.count, max_count)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
