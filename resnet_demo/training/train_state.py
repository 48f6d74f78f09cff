"""The state of a training (network, optimiser, moving average of the weights) and one step of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from resnet_demo.models.resnet import ResNet
from resnet_demo.training import optimisation
from resnet_demo.training.batch_loader import Batch
from resnet_demo.training.config import ResolvedConfig
from resnet_demo.training.distributed import DistributedContext, without_sync
from resnet_demo.training.frozen_backbone import FrozenBackbone, TrainableTail
from resnet_demo.training.micro_batching import LogMessage, MicroBatching
from resnet_demo.training.precision import Precision

Module = TypeVar("Module", bound=nn.Module)


class TrainState:
    """A network, its optimiser and the moving average of its weights, set up for the resolved settings.

    `network` is moved to the device, and its frozen part stays as it is. With `ema` in the settings, the moving average
    is what is evaluated and saved.
    """

    def __init__(
        self,
        network: ResNet,
        config: ResolvedConfig,
        distributed: DistributedContext,
        precision: Precision,
        *,
        weights: Tensor | None,
        log_message: LogMessage,
    ) -> None:
        self.config, self.distributed, self.precision = config, distributed, precision
        self.trainable = on_device(TrainableTail(network, config.train_depth), distributed.device)
        self.frozen_backbone = make_frozen_backbone(network, config, distributed.device)
        self.average = copy.deepcopy(self.trainable) if config.ema else None
        groups = optimisation.parameter_groups(
            network, weight_decay=config.weight_decay, depth_factor=config.depth_factor
        )
        self.optimiser = optimisation.make_optimiser(groups, config)
        self.scaler = precision.scaler()
        self.weights = None if weights is None else weights.to(distributed.device)
        self.model = distributed.wrap(self.trainable)
        self.steps = 0
        # A norm that learns needs two photos or more.
        min_photos = 1 if config.train_depth == "head" else 2
        self.micro_batching = MicroBatching(distributed.device, log_message, "train.said.smaller_pieces", min_photos)
        self.eval_batching = MicroBatching(distributed.device, log_message, "train.said.smaller_looks")

    @property
    def eval_model(self) -> TrainableTail:
        """The network that is evaluated and saved: the moving average, where there is one."""
        return self.average or self.trainable

    def step(
        self, batch: Batch, rate: float, micro_batches: int = 1, exchange: Callable[[], None] | None = None
    ) -> Tensor:
        """One step of training: forward, loss, backward, optimiser, moving average.

        Args:
            batch: this process's part of the batch.
            rate: the learning rate.
            micro_batches: how many parts the gradients are accumulated over.
            exchange: sums the gradients over the processes once this process has all of its own; without it they are
                exchanged during the last backward pass.

        Returns:
            The sum of the losses of this process's photos.
        """
        self.model.train()
        optimisation.set_rates(self.optimiser, rate)
        self.optimiser.zero_grad(set_to_none=True)
        # The loss is the mean over the photos of all processes; a backward pass that exchanges averages over processes.
        share = (self.distributed.world_size if exchange is None else 1) / batch.photos
        loss_sum = torch.zeros((), device=self.distributed.device)
        for number, (inputs, targets) in enumerate(batch.micro_batches(micro_batches), start=1):
            with without_sync(self.model, hold=exchange is not None or number < micro_batches):
                with self.precision.autocast():
                    logits = self.model(self._below(inputs, batch.features))
                loss = optimisation.loss_sum(logits, targets, self.weights, self.config.label_smoothing)
                self.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
            loss_sum += loss.detach()
        if exchange is not None:
            exchange()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            decay = optimisation.average_decay(self.steps, self.config.ema)
            optimisation.update_average(_tensors(self.average), _tensors(self.trainable), decay)
        self.steps += 1
        return loss_sum

    def _below(self, inputs: Tensor, features: bool) -> Tensor:
        return inputs if features or self.frozen_backbone is None else self.frozen_backbone(inputs)

    def frozen_features(self, images: Tensor) -> Tensor:
        """Features from the frozen stages for images (N, 3, H, W)."""
        assert self.frozen_backbone is not None
        with self.precision.autocast():
            return self.eval_batching.apply(self.frozen_backbone, images)

    def eval_logits(self, batch: Batch) -> Tensor:
        """Logits of `eval_model`."""
        self.eval_model.eval()
        with self.precision.autocast():
            return self.eval_batching.apply(
                lambda inputs: self.eval_model(self._below(inputs, batch.features)), batch.inputs
            )

    def sync_buffers(self) -> None:
        """Copy the running statistics of rank 0 to all processes: each has those of its own photos."""
        self.distributed.broadcast(self.eval_model.buffers())

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Everything that changes, as files of named tensors: network, average, optimiser."""
        files = {"network": dict(self.trainable.network.state_dict())}
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

    def load_state_dict(self, files: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Restore what `state_dict` gave."""
        self.trainable.network.load_state_dict(files["network"])
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


def make_frozen_backbone(network: ResNet, config: ResolvedConfig, device: torch.device) -> FrozenBackbone | None:
    """The frozen part of the network, on the device; None where all of it is trained."""
    if config.train_depth == "all":
        return None
    return on_device(FrozenBackbone(network, config.train_depth), device)


def on_device(module: Module, device: torch.device) -> Module:
    """The module on the device, its convolutions' weights channels-last: faster on a CPU and with tensor cores."""
    return module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _tensors(trainable: TrainableTail) -> Iterable[Tensor]:
    """Parameters and buffers, always in the same order."""
    return [*trainable.parameters(), *trainable.buffers()]
