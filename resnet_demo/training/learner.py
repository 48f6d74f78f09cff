"""What learns: a network in two parts, its optimiser and its average; one step of it, and all of its state."""

from __future__ import annotations

import copy
import gc
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from resnet_demo.training import recipe
from resnet_demo.training.config import Settled
from resnet_demo.training.feed import Batch
from resnet_demo.training.frozen import Frozen, Learning
from resnet_demo.training.precision import Precision
from resnet_demo.training.ranks import Ranks, held_back

Module = TypeVar("Module", bound=nn.Module)
Say = Callable[..., None]
"""Tells people something: a key of the texts and its fields."""

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "could not create a primitive")
"""What torch says, among other words, where memory runs out on a CPU or MPS; on CUDA the error has its own type.

The last is oneDNN's, which has no word of its own for it.
"""


class Learner:
    """A network that is taught as the settings (resolved) say.

    `network` is moved to the device, and its frozen part stays as it is. With `ema` in the settings, what looks at
    photos and is kept in the end is the moving average of its weights.
    """

    def __init__(
        self,
        network: ResNet,
        config: Settled,
        ranks: Ranks,
        precision: Precision,
        *,
        weights: Tensor | None,
        say: Say,
    ) -> None:
        self.config, self.ranks, self.precision, self._say = config, ranks, precision, say
        self.learning = on_device(Learning(network, config.train_depth), ranks.device)
        self.frozen = make_frozen(network, config, ranks.device)
        self.average = copy.deepcopy(self.learning) if config.ema else None
        groups = recipe.parameter_groups(network, weight_decay=config.weight_decay, depth_factor=config.depth_factor)
        self.optimiser = recipe.make_optimiser(groups, config)
        self.scaler = precision.scaler()
        self.weights = None if weights is None else weights.to(ranks.device)
        self.model = ranks.wrap(self.learning)
        self.steps = 0
        self.pieces = 1

    @property
    def taught(self) -> Learning:
        """What is looked through and kept: the average, where there is one."""
        return self.average or self.learning

    def step(self, batch: Batch, rate: float) -> Tensor:
        """Learn from one batch at this learning rate; the sum of this process's losses.

        Raises:
            AppError: not even a few photos at a time fit into memory.
        """
        self.model.train()
        recipe.set_rates(self.optimiser, rate)
        loss = self._gradients(batch)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            decay = recipe.average_decay(self.steps, self.config.ema)
            recipe.update_average(_tensors(self.average), _tensors(self.learning), decay)
        self.steps += 1
        return loss

    def _gradients(self, batch: Batch) -> Tensor:
        """The gradients of a whole batch, in as many pieces as memory asks for."""
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            try:
                return self._backward(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Here the error, and with it all that the step held, is gone.
            self._take_smaller_pieces(len(batch.inputs))

    def _backward(self, batch: Batch) -> Tensor:
        total = torch.zeros((), device=self.ranks.device)
        # DistributedDataParallel averages over the processes; a batch's loss is the mean over its photos.
        share = self.ranks.world / batch.photos
        parts = zip(batch.inputs.tensor_split(self.pieces), batch.targets.tensor_split(self.pieces), strict=True)
        for number, (inputs, targets) in enumerate(parts, start=1):
            with held_back(self.model, hold=number < self.pieces):
                with self.precision.autocast():
                    logits = self.model(self._below(inputs, batch.features))
                loss = recipe.loss_sum(logits, targets, self.weights, self.config.label_smoothing)
                self.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _below(self, inputs: Tensor, features: bool) -> Tensor:
        return inputs if features or self.frozen is None else self.frozen(inputs)

    def _take_smaller_pieces(self, photos: int) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        self.pieces *= 2
        # Other processes have gone on to wait for this one's gradients: one cannot step back alone.
        if self.pieces > photos // 2 or self.ranks.world > 1:
            raise AppError("train.problem.out_of_memory", photos=photos)
        gc.collect()
        if self.ranks.device.type == "cuda":
            torch.cuda.empty_cache()
        self._say("train.said.smaller_pieces", pieces=self.pieces, photos=math.ceil(photos / self.pieces))

    def frozen_features(self, images: Tensor) -> Tensor:
        """What the frozen stages make of images (N, 3, H, W)."""
        assert self.frozen is not None
        with self.precision.autocast():
            features: Tensor = self.frozen(images)
        return features

    def answer(self, batch: Batch) -> Tensor:
        """Logits of the network that will be kept."""
        self.taught.eval()
        with self.precision.autocast():
            logits: Tensor = self.taught(self._below(batch.inputs, batch.features))
        return logits

    def agree(self) -> None:
        """Make what will be kept the same in all processes: each norm has seen its own process's photos alone."""
        self.ranks.follow(self.taught.buffers())

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Everything that changes, as files of named tensors: the network, the average, the optimiser."""
        files = {"network": dict(self.learning.network.state_dict())}
        if self.average is not None:
            files["average"] = dict(self.average.network.state_dict())
        of_parameters: Mapping[int, Mapping[str, Any]] = self.optimiser.state_dict()["state"]
        files["optimiser"] = {
            f"{number}.{name}": value
            for number, entries in of_parameters.items()
            for name, value in entries.items()
            if value is not None
        }
        return files

    def load_state(self, files: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take back what `state` gave."""
        self.learning.network.load_state_dict(files["network"])
        if self.average is not None:
            self.average.network.load_state_dict(files["average"])
        entries: dict[int, dict[str, Tensor]] = {}
        for key, value in files["optimiser"].items():
            number, _, name = key.partition(".")
            entries.setdefault(int(number), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": entries, "param_groups": groups})
        for parameter, state in self.optimiser.state.items():
            for name, value in state.items():
                if value.shape == parameter.shape:  # as it lies in memory, or every step would run slower
                    state[name] = torch.empty_like(parameter).copy_(value)


def make_frozen(network: ResNet, config: Settled, device: torch.device) -> Frozen | None:
    """The part of the network that stays as it is, on the device; None where everything learns."""
    if config.train_depth == "all":
        return None
    return on_device(Frozen(network, config.train_depth), device)


def on_device(module: Module, device: torch.device) -> Module:
    """The module on the device, its convolutions' weights channels-last: faster on a CPU and with tensor cores."""
    return module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is memory running out, on whichever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error).lower() for words in NO_MEMORY)


def _tensors(learning: Learning) -> Iterable[Tensor]:
    """Parameters and buffers, in an order of their own that never changes."""
    return [*learning.parameters(), *learning.buffers()]
