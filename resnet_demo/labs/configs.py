"""The settings of each experiment, checked, with their ranges: for flags, sliders and results. Free of torch."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from resnet_demo.texts import Message
from resnet_demo.training.setting_specs import SettingSpec, add_flags, setting, setting_specs, unknown

Kind = Literal["plain", "highway", "residual", "preactivation"]
"""What the blocks of a network are."""


class LabSetting(SettingSpec):
    """The specification of a setting of an experiment; its texts are `lab.setting.<name>` and `….hint`."""

    @property
    def label(self) -> Message:
        return Message(f"lab.setting.{self.name}")

    @property
    def hint(self) -> Message:
        return Message(f"lab.setting.{self.name}.hint")


@dataclass(frozen=True)
class LabConfig:
    """The settings of an experiment; every one of them is drawn from `seed` and the same each time.

    Raises:
        AppError: a value is out of range or of another kind; the sentence says what would do.
    """

    seed: int = setting("whole", 0, low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        for name, one in self.specs().items():
            object.__setattr__(self, name, one.check(getattr(self, name)))

    @classmethod
    def specs(cls) -> Mapping[str, SettingSpec]:
        """The specification of each setting by name."""
        return setting_specs(cls, LabSetting)

    @classmethod
    def add_flags(cls, parser: argparse.ArgumentParser, language: str) -> None:
        """A flag for each setting."""
        add_flags(parser, cls.specs(), language)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Self:
        """The settings among the parsed arguments of `add_flags`."""
        return cls(**{name: value for name, value in vars(arguments).items() if name in cls.specs()})

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Self:
        """From values by name; what is not there has its default.

        Raises:
            AppError: no such setting, or as for the class.
        """
        for name in entries:
            if name not in cls.specs():
                raise unknown(name, list(cls.specs()))
        return cls(**entries)

    def to_json(self) -> dict[str, Any]:
        """Every setting by name, as `from_json` reads them."""
        return asdict(self)

    def arguments(self) -> list[str]:
        """The words of a command line that give just these settings."""
        words: list[str] = []
        for name, one in self.specs().items():
            value = getattr(self, name)
            if value != one.default:
                words += one.words(value)
        return words


@dataclass(frozen=True)
class Blocks(LabConfig):
    """The sizes of a block: `block_costs.BlockShape`; by default the output has the channels of the input.

    Blocks of two layers have as many channels inside as in the output, a bottleneck has `inner`, and a ResNeXt block
    twice as many in its groups (Xie et al. 2017, table 1).
    """

    channels: int = setting("whole", 256, low=1, high=4096)
    channels_out: int | None = setting("whole", low=1, high=4096)
    inner: int = setting("whole", 64, low=1, high=4096)
    kernel: int = setting("whole", 3, low=1, high=11)
    groups: int = setting("whole", 32, low=1, high=1024)
    stride: int = setting("whole", 1, low=1, high=4)
    size: int = setting("whole", 56, low=1, high=512)


@dataclass(frozen=True)
class Family(LabConfig):
    """For images of what size multiply-adds are counted."""

    size: int = setting("whole", 224, low=64, high=512)


@dataclass(frozen=True)
class Gradients(LabConfig):
    """How deep, on pictures of what size, and after how many steps of training to measure gradients."""

    depth: int = setting("whole", 56, low=8, high=302)
    size: int = setting("whole", 16, low=8, high=64)
    steps: int = setting("whole", 0, low=0, high=200)


@dataclass(frozen=True)
class Training(LabConfig):
    """What the experiments have in common that train: the pictures and how to train on them."""

    pictures: str = setting("text", "drawn", metavar="PATH")
    size: int = setting("whole", 16, low=8, high=64)
    per_class: int = setting("whole", 100, low=2, high=5000)
    test_per_class: int = setting("whole", 50, low=1, high=1000)
    epochs: int = setting("whole", 10, low=1, high=200)
    batch_size: int = setting("whole", 32, low=2, high=512)
    learning_rate: float = setting("number", 0.025, low=1e-5, high=1)
    augment: bool = setting("switch", False)

    def trainings(self) -> list[tuple[Kind, int]]:
        """The kind and depth of each network that is trained, in no order; for an estimate of the time."""
        raise NotImplementedError


@dataclass(frozen=True)
class Degradation(Training):
    """Which depths are compared, with how many seeds, `seed` being the first."""

    shallow: int = setting("whole", 20, low=8, high=110)
    deep: int = setting("whole", 56, low=14, high=110)
    seeds: int = setting("whole", 2, low=1, high=10)

    def trainings(self) -> list[tuple[Kind, int]]:
        kinds: tuple[Kind, ...] = ("plain", "residual")
        return [(kind, depth) for kind in kinds for depth in (self.shallow, self.deep)] * self.seeds


@dataclass(frozen=True)
class Identity(Training):
    """How deep the networks are whose branches are measured, and what their blocks are."""

    kind: Literal["residual", "preactivation"] = setting("choice", "residual", choices=("residual", "preactivation"))
    depth: int = setting("whole", 56, low=8, high=110)

    def trainings(self) -> list[tuple[Kind, int]]:
        one: list[tuple[Kind, int]] = [(self.kind, self.depth)]
        return one * 2


@dataclass(frozen=True)
class Landscape(Training):
    """How deep the networks are, with how many seeds, and how fine and how far the loss is drawn."""

    depth: int = setting("whole", 56, low=8, high=110)
    seeds: int = setting("whole", 1, low=1, high=10)
    points: int = setting("whole", 11, low=3, high=51)
    reach: float = setting("number", 1.0, low=0.01, high=10)

    def trainings(self) -> list[tuple[Kind, int]]:
        return [("plain", self.depth), ("residual", self.depth)] * self.seeds


@dataclass(frozen=True)
class Paths(Training):
    """How deep the networks are, with how many seeds; random paths of each length, draws of blocks, swaps of blocks."""

    depth: int = setting("whole", 56, low=14, high=110)
    seeds: int = setting("whole", 1, low=1, high=10)
    samples: int = setting("whole", 10, low=1, high=1000)
    draws: int = setting("whole", 5, low=1, high=100)
    swaps: int = setting("whole", 12, low=1, high=200)

    def trainings(self) -> list[tuple[Kind, int]]:
        return [("plain", self.depth), ("residual", self.depth)] * self.seeds


@dataclass(frozen=True)
class Schedules(Training):
    """The recipe that is drawn, then trained with and without each of its parts."""

    depth: int = setting("whole", 20, low=8, high=110)
    warmup: float = setting("number", 0.1, low=0, high=0.9)
    label_smoothing: float = setting("number", 0.1, low=0, high=0.5)
    weight_decay: float = setting("number", 5e-4, low=0, high=1)

    def trainings(self) -> list[tuple[Kind, int]]:
        return [("residual", self.depth)] * 5


@dataclass(frozen=True)
class Shortcuts(Training):
    """How deep the networks are, and with how many seeds each variant is trained."""

    depth: int = setting("whole", 20, low=8, high=110)
    seeds: int = setting("whole", 1, low=1, high=10)

    def trainings(self) -> list[tuple[Kind, int]]:
        return [("residual", self.depth)] * (10 * self.seeds)


@dataclass(frozen=True)
class Twins(Training):
    """How deep a plain network and its residual twin are, which are trained on somebody's own pictures."""

    depth: int = setting("whole", 32, low=8, high=110)

    def trainings(self) -> list[tuple[Kind, int]]:
        return [("plain", self.depth), ("residual", self.depth)]
