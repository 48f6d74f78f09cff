"""A network in two parts: below, stages that stay as they are; above, what learns. How deep to train draws the line."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from resnet_demo.models.folding import fold_norms
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainDepth
from resnet_demo.training.recipe import distance_from_head


def stages_that_learn(network: ResNet, depth: TrainDepth) -> tuple[str, ...]:
    """The names of the stages that learn, in order.

    Raises:
        AppError: the network has fewer stages than that.
    """
    names = network.stage_names
    if isinstance(depth, str):
        return names if depth == "all" else ()
    if depth > len(names):
        raise AppError("train.problem.too_deep", depth=depth, stages=len(names))
    return names[len(names) - depth :]


class Learning(nn.Module):
    """The part of a network that learns: the last stages and the head, the head's last layer alone, or everything.

    It holds the whole network, whose frozen parameters ask for no gradient and whose frozen norms stay in evaluation
    mode: neither their parameters nor their running statistics change.
    """

    def __init__(self, network: ResNet, depth: TrainDepth) -> None:
        super().__init__()
        self.network = network
        self.depth = depth
        self.stage_names = stages_that_learn(network, depth)
        network.requires_grad_(False)
        for part in self._parts():
            part.requires_grad_(True)

    def _parts(self) -> list[nn.Module]:
        """The layers of the network that learn."""
        if self.depth == "head":  # the norm that a pre-activation network has there stays frozen
            return [self.network.fc]
        count = len(self.network.stage_names)
        reach = count + 1 if self.depth == "all" else len(self.stage_names)
        return [part for name, part in self.network.named_children() if distance_from_head(name, count) <= reach]

    def train(self, mode: bool = True) -> Learning:
        """Training mode for what learns alone."""
        super().train(False)
        for part in self._parts():
            part.train(mode)
        self.training = mode
        return self

    def forward(self, features: Tensor) -> Tensor:
        """What `Frozen` gives, or images (N, 3, H, W) where everything learns -> logits (N, classes)."""
        if isinstance(self.depth, str):
            whole: nn.Module = self.network if self.depth == "all" else self.network.fc
            logits: Tensor = whole(features)
            return logits
        stages = self.network.stages()
        for name in self.stage_names:
            features = stages[name](features)
        return self.network.forward_head(features)


class Frozen(nn.Module):
    """What lies below `Learning`: a copy of the frozen layers, their norms folded in; none of it has a gradient."""

    def __init__(self, network: ResNet, depth: TrainDepth) -> None:
        super().__init__()
        self.depth = depth
        self.network = fold_norms(copy.deepcopy(network).eval())
        self.network.requires_grad_(False)
        self.network.set_submodule("fc", nn.Identity())
        learning = stages_that_learn(network, depth)
        self.stage_names = tuple(name for name in network.stage_names if name not in learning)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) -> what enters the stages that learn, (N, C, h, w), or the last layer, (N, C)."""
        if self.depth == "head":
            pooled: Tensor = self.network(images)
            return pooled
        features = self.network.forward_stem(images)
        stages = self.network.stages()
        for name in self.stage_names:
            features = stages[name](features)
        return features
