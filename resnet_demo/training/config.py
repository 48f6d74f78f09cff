"""TrainConfig: every setting of a training, checked, to and from JSON and the command line. Free of torch."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from resnet_demo.data.class_level import LEVELS, ClassLevel
from resnet_demo.data.folder_labels import LABEL_SOURCES, LabelSource, Reading
from resnet_demo.models import variants
from resnet_demo.texts import AppError
from resnet_demo.training.presets import DEPTHS, PRESETS, Start, chosen_by_preset
from resnet_demo.training.setting_specs import SettingSpec, add_flags, setting, setting_specs, unknown

if TYPE_CHECKING:
    from resnet_demo.data.preprocessing import CropMode

TrainDepth = Literal["head", 1, 2, 3, 4, "all"]
MAX_SIZE = 512


@dataclass(frozen=True)
class TrainConfig:
    """Which photos, which network, and how to train it. None: left to the preset and the data, see `resolved`.

    It starts from the published weights of `variant`, from the model `parent`, or from fresh weights (`scratch`).
    `labels` is a file with the names of the classes of a `parent` that is a file of weights.
    `train_depth` says how many of the last stages learn besides the head; the rest stays frozen. With `views` of
    more than zero, each photo is only ever seen in that many ways, so that frozen stages run once for each.
    Pictures grow from `first_size` to `image_size` pixels a side. `learning_rate` is the highest of the schedule;
    each stage further from the head gets `depth_factor` of the rate above it. `warmup` is a share of the steps.
    With the `framing` "whole" the network sees whole photos, squashed to squares, in training and from then on;
    `mirror` says whether augmentation flips them. The optimiser `lbfgs` fits the head alone, in one go
    (`head_training`). `train_folder` to `label_source` say how the folder is to be read, where not as it seems
    (`folder_labels.Reading`); `val_share` and `test_share` of each class are kept to choose by and to judge by, where
    the folders do not say.

    Raises:
        AppError: a value is out of range, of another kind, or contradicts another; the sentence says which.
    """

    data: str = setting("text", "", flag=None, metavar="FOLDER")
    train_folder: str | None = setting("text", metavar="FOLDER")
    val_folder: str | None = setting("text", metavar="FOLDER")
    test_folder: str | None = setting("text", metavar="FOLDER")
    class_level: ClassLevel = setting("choice", "auto", choices=LEVELS)  # noqa: RUF009  immutable
    separate_names: bool = setting("switch", False)
    label_source: LabelSource = setting("choice", "auto", choices=LABEL_SOURCES)  # noqa: RUF009  immutable
    variant: str | None = setting("text", metavar="NAME")
    parent: str | None = setting("text", flag="--from", metavar="MODEL")
    labels: str | None = setting("text", metavar="FILE")
    scratch: bool = setting("switch", False)
    preset: str = setting("choice", "balanced", choices=PRESETS.keys())
    train_depth: TrainDepth | None = setting("choice", choices=DEPTHS)  # noqa: RUF009  immutable
    epochs: int | None = setting("whole", low=1, high=1000)
    batch_size: int | None = setting("whole", low=1, high=4096)
    image_size: int | None = setting("whole", low=32, high=MAX_SIZE)
    first_size: int | None = setting("whole", low=32, high=MAX_SIZE)
    views: int | None = setting("whole", low=0, high=16)
    optimiser: Literal["sgd", "adam", "adamw", "lbfgs"] = setting(
        "choice", "adamw", choices=("sgd", "adam", "adamw", "lbfgs")
    )
    learning_rate: float | None = setting("number", low=1e-7, high=10)
    range_test: bool = setting("switch", False)
    depth_factor: float | None = setting("number", low=0.01, high=1)
    warmup: float = setting("number", 0.2, low=0, high=0.9)
    weight_decay: float | None = setting("number", low=0, high=1)
    label_smoothing: float = setting("number", 0.1, low=0, high=0.5)
    class_weights: bool | None = setting("switch")
    framing: CropMode | None = setting("choice", choices=("crop", "whole"))  # noqa: RUF009
    augment: float | None = setting("number", low=0, high=1)
    mirror: bool = setting("switch", True)
    mixup: float | None = setting("number", low=0, high=2)
    cutmix: float | None = setting("number", low=0, high=2)
    ema: float | None = setting("number", low=0, high=0.9999)
    early_stop: int = setting("whole", 0, low=0, high=1000)
    precision: Literal["auto", "float32", "bf16", "fp16"] = setting(
        "choice", "auto", choices=("auto", "float32", "bf16", "fp16")
    )
    val_share: float = setting("number", 0.15, low=0.02, high=0.4)
    test_share: float = setting("number", 0.15, low=0.02, high=0.4)
    seed: int = setting("whole", 0, low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        for name, one in TRAIN_SETTINGS.items():
            object.__setattr__(self, name, one.check(getattr(self, name)))
        if self.variant is not None:
            variants.get(self.variant.partition(":")[0])
        if self.parent is not None and (self.variant is not None or self.scratch):
            raise AppError("train.problem.two_beginnings")
        if self.scratch and self.train_depth not in (None, "all"):
            raise AppError("train.problem.scratch_depth")
        if self.optimiser == "lbfgs" and (self.scratch or self.train_depth not in (None, "head")):
            raise AppError("train.problem.lbfgs_depth")
        if self.first_size and self.image_size and self.first_size > self.image_size:
            raise AppError("train.problem.first_size", first=self.first_size, last=self.image_size)
        if self.views and (self.mixup or self.cutmix):
            raise AppError("train.problem.mixed_views")
        growing = self.first_size and self.image_size and self.first_size < self.image_size
        if self.views and growing and self.train_depth not in (None, "all"):
            raise AppError("train.problem.growing_views")

    @property
    def reading(self) -> Reading:
        """How the folder is to be read."""
        return Reading(**{name: getattr(self, name) for name in READING_SETTINGS})

    @property
    def network(self) -> str:
        """The variant whose network is built, or whose published weights are taken, where there is no `parent`."""
        return self.variant or "resnet18"

    def to_json(self) -> dict[str, Any]:
        """Every setting by name, as JSON has them; settings that were not given are null."""
        return asdict(self)

    @classmethod
    def from_json(cls, entries: object) -> Self:
        """Read what `to_json` gave; settings that are not there are as if not given.

        Raises:
            AppError: no such setting, or as for the class.
        """
        if not isinstance(entries, Mapping):
            raise AppError("train.problem.no_settings")
        for name in entries:
            if name not in TRAIN_SETTINGS:
                raise unknown(str(name), list(TRAIN_SETTINGS))
        chosen = {"batch_size": None} if entries.get("batch_size") == 0 else {}  # as older runs say it
        return cls(**{**entries, **chosen})

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser, language: str) -> None:
        """An argument for each setting."""
        add_flags(parser, TRAIN_SETTINGS, language)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> TrainConfig:
        """The settings among the parsed arguments of `add_flags`."""
        return cls(**{name: value for name, value in vars(arguments).items() if name in TRAIN_SETTINGS})

    def arguments(self) -> list[str]:
        """The words of a command line that give just these settings."""
        words: list[str] = []
        for name, one in TRAIN_SETTINGS.items():
            value = getattr(self, name)
            if one.flag is None or value != one.default:
                words += one.words(value)
        return words

    def resolved(
        self, *, photos: int, per_class: Mapping[str, int], device: str, start: Start, processes: int = 1
    ) -> ResolvedConfig:
        """The same with nothing left open: what the preset and the data choose for what was not given.

        Args:
            photos: those to learn from.
            per_class: how many of them each class has.
            device: `cpu`, `cuda` or `mps`.
            start: what the training starts from.
            processes: those that share each batch.
        """
        chosen = chosen_by_preset(self, photos=photos, device=device, start=start, processes=processes)
        counts = [count for count in per_class.values() if count]
        uneven = bool(counts) and max(counts) >= UNEVEN * min(counts)
        chosen["class_weights"] = uneven
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return ResolvedConfig(**{**chosen, **given})


class ResolvedConfig(TrainConfig):
    """Settings with nothing left open."""

    if TYPE_CHECKING:
        train_depth: TrainDepth
        epochs: int
        batch_size: int
        image_size: int
        first_size: int
        views: int
        learning_rate: float
        depth_factor: float
        weight_decay: float
        class_weights: bool
        framing: CropMode
        augment: float
        mixup: float
        cutmix: float
        ema: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in asdict(self).items():
            if value is None and name not in {"variant", "parent", "labels", *READING_SETTINGS}:
                raise TRAIN_SETTINGS[name].refusal(value)

    @classmethod
    def from_json(cls, entries: object) -> Self:
        """As for `TrainConfig`; runs of versions before `framing` saw crops."""
        return super().from_json({"framing": "crop", **entries} if isinstance(entries, Mapping) else entries)

    def smaller(self, *, batch_size: int | None = None, image_size: int | None = None) -> ResolvedConfig:
        """The same with smaller batches or pictures."""
        size = image_size or self.image_size
        first = min(self.first_size, size)
        return replace(self, batch_size=batch_size or self.batch_size, image_size=size, first_size=first)


UNEVEN = 2.0
"""The largest class has at least this many times the photos of the smallest: then classes are weighted."""

TRAIN_SETTINGS: Mapping[str, SettingSpec] = setting_specs(TrainConfig)
READING_SETTINGS: Mapping[str, SettingSpec] = {field.name: TRAIN_SETTINGS[field.name] for field in fields(Reading)}
"""Those that say how the folder is to be read."""
