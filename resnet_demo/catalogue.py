"""The catalogue of all models that can be chosen, with descriptions: built-in, from runs, published.

Imports no torch. `inference.open_model` opens the models by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from resnet_demo.data.file_names import display_name
from resnet_demo.models import description, model_folders, pretrained
from resnet_demo.models.class_names import class_names
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from resnet_demo.training.run_title import setup_text

WITHOUT_BUILT_IN = "resnet50"
LABELS_SHOWN = 12
BACKBONES = ("resnet18", "resnet34", "resnet50")
"""Networks to teach with, the quickest first: it sees each frame of a camera, on two cores."""


@dataclass(frozen=True)
class Entry:
    """A model that can be chosen; `name` is what `open_model` takes.

    `labels` are empty for a published model, which has ImageNet's. `data` is the name of the data set that it was
    trained on, `kept` the time when it was saved, in seconds since 1970, `top1` the published accuracy in percent; None
    if unknown. `file` is the name of a file of one's own that nobody published. One of a run has the run's `title`, if
    that was given one, and its `config`.
    """

    name: str
    kind: Literal["built_in", "own", "published"]
    variant: str
    labels: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: str | None = None
    title: str | None = None
    config: TrainConfig | None = None
    kept: float | None = None
    download_bytes: int = 0
    top1: float | None = None
    file: str | None = None

    @property
    def on_disk(self) -> bool:
        """Whether opening it needs no download."""
        return self.download_bytes == 0

    def say(self, language: str) -> str:
        """The model in one line, with its name; a model of a run is named by its title, or else its data set."""
        about = self.about(language)
        return about if self.kind == "own" else text("catalogue.line", language, name=self.name, about=about)

    def choice(self, language: str) -> str:
        """The model in a list to choose from: its kind, its plain name, then figures, and the name to type."""
        if self.kind == "own":
            return self.about(language)
        if self.kind == "built_in":
            return text("catalogue.choice.built_in", language, name=self.name, classes=len(self.labels))
        megabytes = "" if self.on_disk else f"{self.download_bytes / MEGABYTE:.0f} MB"
        figures = "" if self.top1 is None else f"{self.top1:.1f} %", megabytes, self.name
        tag = self.name.partition(":")[2]
        about = " · ".join(filter(None, (f"{plain_name(self.variant)} {tag}".strip(), *figures)))
        if self.file is not None:
            return text("catalogue.choice.own_file", language, about=about)
        return text("catalogue.choice.published", language, about=about)

    def about(self, language: str) -> str:
        """The model in one line, without its name."""
        if self.kind == "built_in":
            return text("catalogue.built_in", language, classes=len(self.labels))
        if self.kind == "own":
            setup = None if self.config is None else setup_text(self.config, language)
            parts = (self.title or self.data, self.variant, setup, self._figure(language), self._when())
            return " · ".join(filter(None, parts))
        if self.file is not None:
            return text("catalogue.own_file", language, file=display_name(self.file))
        if self.on_disk:
            return text("catalogue.here", language)
        return text("catalogue.download", language, megabytes=round(self.download_bytes / MEGABYTE))

    def say_knows(self, language: str) -> str:
        """The classes that it knows, in a sentence or two."""
        if self.file is not None:
            return text("catalogue.knows.file", language, file=display_name(self.file))
        if self.kind == "published":
            return text("catalogue.knows.imagenet", language)
        key = "catalogue.knows.flowers" if self.name == "flowers" else "catalogue.knows.own"
        shown = map(class_names(self.labels, language).full, self.labels[:LABELS_SHOWN])
        names = ", ".join(shown) + (", …" if len(self.labels) > LABELS_SHOWN else "")
        return text(key, language, classes=len(self.labels), names=names)

    def _figure(self, language: str) -> str:
        """Its accuracy on the test photos or, as long as those were not used, on the validation photos."""
        for part in ("test", "val"):
            accuracy, photos = (self.metrics.get(f"{part}_{name}") for name in ("accuracy", "photos"))
            if accuracy is not None and photos:
                return text(
                    f"catalogue.figure.{part}", language, percent=f"{100 * accuracy:.1f}", photos=f"{photos:.0f}"
                )
        return ""

    def _when(self) -> str:
        return "" if self.kept is None else f"{datetime.fromtimestamp(self.kept).astimezone():%Y-%m-%d %H:%M}"


_PLAIN_NAMES = {
    "wide_resnet": "Wide ResNet-",
    "resnext": "ResNeXt-",
    "res2net": "Res2Net-",
    "resnet": "ResNet-",
}


def plain_name(variant: str) -> str:
    """A variant as papers write it, where that is more than its name.

    >>> plain_name("resnext50_32x4d"), plain_name("cifar_resnet20")
    ('ResNeXt-50 32x4d', 'cifar_resnet20')
    """
    for stem, plain in _PLAIN_NAMES.items():
        if variant.startswith(stem):
            return plain + variant.removeprefix(stem).replace("_", " ")
    return variant


def listed(settings: Settings, runs: Iterable[Run]) -> list[Entry]:
    """All models: built-in, of `runs`, and published; of the last, those on this disk first."""
    built_in = [
        _saved(name, "built_in", settings.built_in_models / name) for name in model_folders.built_in_names(settings)
    ]
    return [entry for entry in (*built_in, *map(of_run, runs)) if entry] + _published(settings)


def of_run(run: Run) -> Entry | None:
    """The best model of a run, if it has one that can be read."""
    saved = _saved(run.name, "own", run.artefacts.best, display_name(Path(run.config.data).name))
    return None if saved is None else replace(saved, title=run.title, config=run.config)


def default(settings: Settings) -> str:
    """The name of the default model: one that needs no download, if there is any."""
    here = [entry.name for entry in listed(settings, ()) if entry.on_disk]
    for wished in (settings.default_model, WITHOUT_BUILT_IN):
        if wished in here:
            return wished
    return here[0] if here else WITHOUT_BUILT_IN


def backbone(settings: Settings) -> str:
    """The name of the model whose features are the best to teach with here: ImageNet's, where they need no download."""
    for name in BACKBONES:
        if any(choice.name == name and choice.on_disk for choice in pretrained.available(settings)):
            return name
    return default(settings)


def _saved(name: str, kind: Literal["built_in", "own"], folder: Path, data: str | None = None) -> Entry | None:
    try:
        described = description.read_folder(folder)
    except AppError:
        return None
    stamp = model_folders.stamp(folder)
    return Entry(
        name,
        kind,
        described.variant,
        described.labels,
        described.training_info.metrics,
        data,
        kept=None if stamp is None else stamp[0] / 1e9,
    )


def _published(settings: Settings) -> list[Entry]:
    entries = [
        Entry(
            choice.name,
            "published",
            choice.variant,
            download_bytes=choice.download_bytes,
            top1=choice.published.top1 if choice.published else None,
            file=choice.path.name if choice.path and not choice.published else None,
        )
        for choice in pretrained.available(settings)
    ]
    return sorted(entries, key=lambda entry: not entry.on_disk)
