"""What learns: a network in two parts, its optimiser and its average; one step of it, and all of its state."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from resnet_demo.models.resnet import ResNet
from resnet_demo.training import recipe
from resnet_demo.training.config import Settled
from resnet_demo.training.feed import Batch
from resnet_demo.training.frozen import Frozen, Learning
from resnet_demo.training.pieces import Pieces, Say
from resnet_demo.training.precision import Precision
from resnet_demo.training.ranks import Ranks, held_back

Module = TypeVar("Module", bound=nn.Module)


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
        self.config, self.ranks, self.precision = config, ranks, precision
        self.learning = on_device(Learning(network, config.train_depth), ranks.device)
        self.frozen = make_frozen(network, config, ranks.device)
        self.average = copy.deepcopy(self.learning) if config.ema else None
        groups = recipe.parameter_groups(network, weight_decay=config.weight_decay, depth_factor=config.depth_factor)
        self.optimiser = recipe.make_optimiser(groups, config)
        self.scaler = precision.scaler()
        self.weights = None if weights is None else weights.to(ranks.device)
        self.model = ranks.wrap(self.learning)
        self.steps = 0
        self.fitting: set[tuple[int, ...]] = set()
        # A norm that learns needs two photos or more.
        fewest = 1 if config.train_depth == "head" else 2
        self.pieces = Pieces(ranks.device, say, "train.said.smaller_pieces", fewest)
        self.looks = Pieces(ranks.device, say, "train.said.smaller_looks")

    @property
    def taught(self) -> Learning:
        """What is looked through and kept: the average, where there is one."""
        return self.average or self.learning

    def step(self, batch: Batch, rate: float) -> Tensor:
        """Learn from one batch at this learning rate; the sum of this process's losses.

        Raises:
            AppError: not even a few photos at a time fit into memory, here or in another process.
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
        """The gradients of a whole batch, in as many pieces as memory asks for, added up over the processes.

        Of several processes none can step back once they exchange gradients in the backward pass. So the first batch of
        each size is tried by each process alone, and its gradients are added up afterwards.
        """
        size = batch.photos, *batch.inputs.shape[1:]
        if self.ranks.world > 1 and size in self.fitting:
            return self._attempt(batch, self.pieces.of(len(batch.inputs)), together=True)
        with self.ranks.agreed():
            loss = self.pieces.attempt(len(batch.inputs), lambda pieces: self._attempt(batch, pieces, together=False))
        for group in self.optimiser.param_groups:
            self.ranks.add_up([one.grad for one in group["params"] if one.grad is not None])
        self.fitting.add(size)
        return loss

    def _attempt(self, batch: Batch, pieces: int, *, together: bool) -> Tensor:
        """As if it had never been, if it fails: of gradients and of what norms have counted nothing is left."""
        before = [buffer.clone() for buffer in self.learning.buffers()]
        self.optimiser.zero_grad(set_to_none=True)
        try:
            return self._backward(batch, pieces, together)
        except Exception:
            self.optimiser.zero_grad(set_to_none=True)
            for buffer, kept in zip(self.learning.buffers(), before, strict=True):
                buffer.copy_(kept)
            raise

    def _backward(self, batch: Batch, pieces: int, together: bool) -> Tensor:
        total = torch.zeros((), device=self.ranks.device)
        # A batch's loss is the mean over its photos, those of the other processes too; what is exchanged in the
        # backward pass is averaged over the processes.
        share = (self.ranks.world if together else 1) / batch.photos
        parts = zip(batch.inputs.tensor_split(pieces), batch.targets.tensor_split(pieces), strict=True)
        for number, (inputs, targets) in enumerate(parts, start=1):
            with held_back(self.model, hold=not together or number < pieces):
                with self.precision.autocast():
                    logits = self.model(self._below(inputs, batch.features))
                loss = recipe.loss_sum(logits, targets, self.weights, self.config.label_smoothing)
                self.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _below(self, inputs: Tensor, features: bool) -> Tensor:
        return inputs if features or self.frozen is None else self.frozen(inputs)

    def frozen_features(self, images: Tensor) -> Tensor:
        """What the frozen stages make of images (N, 3, H, W)."""
        assert self.frozen is not None
        with self.precision.autocast():
            return self.looks.through(self.frozen, images)

    def answer(self, batch: Batch) -> Tensor:
        """Logits of the network that will be kept."""
        self.taught.eval()
        with self.precision.autocast():
            return self.looks.through(lambda inputs: self.taught(self._below(inputs, batch.features)), batch.inputs)

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


def _tensors(learning: Learning) -> Iterable[Tensor]:
    """Parameters and buffers, in an order of their own that never changes."""
    return [*learning.parameters(), *learning.buffers()]
