"""A network split at the training depth: a frozen backbone and the trainable stages and head above it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from resnet_demo.data.preprocessing import ImageSpec, normalise
from resnet_demo.models.batch_norm_folding import fold_norms
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError
from resnet_demo.training.config import TrainDepth
from resnet_demo.training.optimisation import distance_from_head

BATCH = 32
"""Pictures at a time."""


def trainable_stages(network: ResNet, depth: TrainDepth) -> tuple[str, ...]:
    """Names of the trainable stages, in order.

    Raises:
        AppError: the network has fewer stages than that.
    """
    names = network.stage_names
    if isinstance(depth, str):
        return names if depth == "all" else ()
    if depth > len(names):
        raise AppError("train.problem.too_deep", depth=depth, stages=len(names))
    return names[len(names) - depth :]


class TrainableTail(nn.Module):
    """The trainable part of a network: the last stages and the head, the head's last layer alone, or everything.

    It holds the whole network, whose frozen parameters ask for no gradient and whose frozen norms stay in evaluation
    mode: neither their parameters nor their running statistics change.
    """

    def __init__(self, network: ResNet, depth: TrainDepth) -> None:
        super().__init__()
        self.network = network
        self.depth = depth
        self.stage_names = trainable_stages(network, depth)
        network.requires_grad_(False)
        for part in self._parts():
            part.requires_grad_(True)

    def _parts(self) -> list[nn.Module]:
        """The trainable layers."""
        if self.depth == "head":  # the norm that a pre-activation network has there stays frozen
            return [self.network.fc]
        count = len(self.network.stage_names)
        reach = count + 1 if self.depth == "all" else len(self.stage_names)
        return [part for name, part in self.network.named_children() if distance_from_head(name, count) <= reach]

    def train(self, mode: bool = True) -> TrainableTail:
        """Training mode for the trainable layers alone."""
        super().train(False)
        for part in self._parts():
            part.train(mode)
        self.training = mode
        return self

    def forward(self, features: Tensor) -> Tensor:
        """Features from `FrozenBackbone`, or images (N, 3, H, W) where all is trained -> logits (N, classes)."""
        if isinstance(self.depth, str):
            whole: nn.Module = self.network if self.depth == "all" else self.network.fc
            logits: Tensor = whole(features)
            return logits
        stages = self.network.stages()
        for name in self.stage_names:
            features = stages[name](features)
        return self.network.forward_head(features)


class FrozenBackbone(nn.Module):
    """The layers below `TrainableTail`: a frozen copy without gradients, with batch norms folded."""

    def __init__(self, network: ResNet, depth: TrainDepth) -> None:
        super().__init__()
        self.depth = depth
        self.network = fold_norms(copy.deepcopy(network).eval())
        self.network.requires_grad_(False)
        self.network.set_submodule("fc", nn.Identity())
        trainable = trainable_stages(network, depth)
        self.stage_names = tuple(name for name in network.stage_names if name not in trainable)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) -> input of the trainable stages, (N, C, h, w), or of the last layer, (N, C)."""
        if self.depth == "head":
            pooled: Tensor = self.network(images)
            return pooled
        features = self.network.forward_stem(images)
        stages = self.network.stages()
        for name in self.stage_names:
            features = stages[name](features)
        return features


class FeatureExtractor:
    """What the head of a network is given of pictures: the output of its frozen backbone, (N, C)."""

    def __init__(self, network: ResNet, spec: ImageSpec, device: torch.device) -> None:
        self.spec, self.device, self.channels = spec, device, network.fc.in_features
        self._backbone = FrozenBackbone(network, "head").to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures (N, S, S, 3), uint8, cropped as `spec` says -> features (N, C), float32, on the CPU."""
        batches = torch.split(pictures, BATCH)
        return torch.cat([self._backbone(normalise(batch.to(self.device), self.spec)).cpu() for batch in batches])
