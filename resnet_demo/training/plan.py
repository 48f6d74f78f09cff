"""The plan of a training, fixed when it begins: resolved settings, precision, variant; and the initial network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resnet_demo.data.preprocessing import CropMode, ImageSpec
from resnet_demo.download import Progress
from resnet_demo.inference import open_model
from resnet_demo.models import pretrained, variants
from resnet_demo.models.model import Model
from resnet_demo.models.resnet import ResNet
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.training.config import ResolvedConfig, TrainConfig
from resnet_demo.training.precision import NAMES, Name
from resnet_demo.training.presets import Start

RESIZE = 256 / 224
"""Pixels that a photo's shorter side is resized to, for one of the crop: what ImageNet's networks are judged with."""


@dataclass(frozen=True)
class Plan:
    """The settings with nothing left open, the precision, and what the network is and comes from."""

    config: ResolvedConfig
    precision: Name
    variant: str
    spec: ImageSpec
    parent: str | None
    licence: str | None

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "config": self.config.to_json(), "spec": self.spec.to_json()}

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Plan:
        """Read what `to_json` gave.

        Raises:
            AppError, KeyError, TypeError, ValueError: it is something else.
        """
        named = isinstance(entries["variant"], str) and entries["precision"] in NAMES
        if not named or not all(isinstance(entries[name], str | None) for name in ("parent", "licence")):
            raise ValueError(entries)
        spec = {**entries["spec"], "mean": tuple(entries["spec"]["mean"]), "std": tuple(entries["spec"]["std"])}
        return cls(**{**entries, "config": ResolvedConfig.from_json(entries["config"]), "spec": ImageSpec(**spec)})


@dataclass(frozen=True)
class InitialNetwork:
    """The initial network of a training, and its parent model; `parent` is None where it starts from scratch."""

    network: ResNet
    variant: str
    parent: Model | None

    @property
    def start(self) -> Start:
        """What presets need to know."""
        if self.parent is None:
            return Start(scratch=True, input_size=variants.get(self.variant).input_size)
        return Start(scratch=False, input_size=self.parent.spec.crop_size, crop_mode=self.parent.spec.crop_mode)

    @property
    def _parent_spec(self) -> ImageSpec:
        return ImageSpec() if self.parent is None else self.parent.spec

    def plan(self, config: ResolvedConfig, precision: Name) -> Plan:
        """The plan for these settings."""
        return Plan(
            config=config,
            precision=precision,
            variant=self.variant,
            spec=trained_spec(self._parent_spec, config.image_size, config.framing),
            parent=None if self.parent is None else Path(self.parent.name).name,
            licence=None if self.parent is None else self.parent.licence,
        )


def trained_spec(parent: ImageSpec, size: int, crop_mode: CropMode) -> ImageSpec:
    """The preprocessing of a network that is trained with pictures of `size` pixels a side, from that of its parent."""
    resize_size = size if crop_mode == "whole" else round(size * RESIZE)
    return ImageSpec(size, resize_size, parent.mean, parent.std, parent.interpolation, crop_mode)


def initial_network(
    config: TrainConfig, classes: tuple[str, ...], settings: Settings, progress: Progress | None = None
) -> InitialNetwork:
    """The network that the settings name, with a head for these classes; fresh weights are drawn from the seed.

    Args:
        config: the settings.
        classes: the names of the classes.
        settings: the folders of weights and downloads.
        progress: called with (bytes done, all bytes) while weights are downloaded.

    Raises:
        AppError: there is no such model, or its weights cannot be had.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if config.scratch:
            variant = config.network.partition(":")[0]
            network = variants.build(variant, len(classes))
            if network.can_zero_init:
                network.zero_init_residual()
            return InitialNetwork(network, variant, None)
        parent = _open_parent(config, settings, progress)
        if parent.labels != classes:
            parent.network.fc = _new_head(parent, classes)
        return InitialNetwork(parent.network, parent.variant, parent)


def _open_parent(config: TrainConfig, settings: Settings, progress: Progress | None) -> Model:
    try:
        if config.parent is None:
            return pretrained.open_pretrained(config.network, settings, progress)
        labels = None if config.labels is None else Path(config.labels)
        return open_model(config.parent, settings, progress, labels=labels)
    except AppError as error:
        if error.message.key == "pretrained.problem.none_published":
            raise AppError("train.problem.no_weights", variant=config.network) from error
        raise


def _new_head(parent: Model, classes: tuple[str, ...]) -> nn.Linear:
    """A last layer for these classes; what the parent knows of them all is kept, else it starts afresh."""
    old = parent.network.fc
    head = nn.Linear(old.in_features, len(classes))
    if set(classes) <= set(parent.labels):
        rows = [parent.labels.index(name) for name in classes]
        with torch.no_grad():
            head.weight.copy_(old.weight[rows])
            head.bias.copy_(old.bias[rows])
    return head
