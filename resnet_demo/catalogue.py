"""Every model a person can choose, in words: those that come with the app, those that runs keep, the published ones.

Free of torch. `inference.open_model` opens them by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from resnet_demo.data.names import shown
from resnet_demo.models import description, places, pretrained
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError, text
from resnet_demo.training.run import Run

WITHOUT_SHIPPED = "resnet50"
LABELS_TOLD = 12


@dataclass(frozen=True)
class Entry:
    """A model to choose; `name` is what `open_model` takes.

    `labels` are empty for a published one, which knows ImageNet's. `data` is the name of the photos that it was taught
    with, and `kept` when it was saved, in seconds since 1970; None where that is not known.
    """

    name: str
    kind: Literal["shipped", "own", "published"]
    variant: str
    labels: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: str | None = None
    kept: float | None = None
    download_bytes: int = 0

    @property
    def on_disk(self) -> bool:
        """Whether opening it needs no download."""
        return self.download_bytes == 0

    def say(self, language: str) -> str:
        """What it is, in a line with its name; an own one goes by what it was taught with."""
        about = self.about(language)
        return about if self.kind == "own" else text("catalogue.line", language, name=self.name, about=about)

    def about(self, language: str) -> str:
        """What it is, in a line without its name."""
        if self.kind == "shipped":
            return text("catalogue.shipped", language, classes=len(self.labels))
        if self.kind == "own":
            return " · ".join(filter(None, (self.data, self.variant, self._figure(language), self._when())))
        if self.on_disk:
            return text("catalogue.here", language)
        return text("catalogue.download", language, megabytes=round(self.download_bytes / MEGABYTE))

    def say_knows(self, language: str) -> str:
        """What it knows and what it does not, in a sentence or two."""
        if self.kind == "published":
            return text("catalogue.knows.imagenet", language)
        key = "catalogue.knows.flowers" if self.name == "flowers" else "catalogue.knows.own"
        names = ", ".join(self.labels[:LABELS_TOLD]) + (", …" if len(self.labels) > LABELS_TOLD else "")
        return text(key, language, classes=len(self.labels), names=names)

    def _figure(self, language: str) -> str:
        """How right it was on the photos kept back to judge it or, as long as nobody looked at those, to choose it."""
        for part in ("test", "val"):
            accuracy, photos = (self.metrics.get(f"{part}_{name}") for name in ("accuracy", "photos"))
            if accuracy is not None and photos:
                return text(
                    f"catalogue.figure.{part}", language, percent=f"{100 * accuracy:.1f}", photos=f"{photos:.0f}"
                )
        return ""

    def _when(self) -> str:
        return "" if self.kept is None else f"{datetime.fromtimestamp(self.kept).astimezone():%Y-%m-%d %H:%M}"


def listed(settings: Settings, runs: Iterable[Run]) -> list[Entry]:
    """All that `runs` and this machine have to offer: shipped, own, published; of these those on this disk first."""
    shipped = [_saved(name, "shipped", settings.shipped / name) for name in places.shipped_names(settings)]
    return [entry for entry in (*shipped, *map(of_run, runs)) if entry] + _published(settings)


def of_run(run: Run) -> Entry | None:
    """The model that a run keeps, if it has kept one that can be read."""
    return _saved(run.name, "own", run.best, shown(Path(run.config.data).name))


def default(settings: Settings) -> str:
    """The name of the model that answers unless another is chosen: one that needs no download, if there is any."""
    here = [entry.name for entry in listed(settings, ()) if entry.on_disk]
    for wished in (settings.default_model, WITHOUT_SHIPPED):
        if wished in here:
            return wished
    return here[0] if here else WITHOUT_SHIPPED


def _saved(name: str, kind: Literal["shipped", "own"], folder: Path, data: str | None = None) -> Entry | None:
    try:
        described = description.read_folder(folder)
    except AppError:
        return None
    stamp = places.stamp(folder)
    return Entry(
        name,
        kind,
        described.variant,
        described.labels,
        described.teaching.metrics,
        data,
        None if stamp is None else stamp[0] / 1e9,
    )


def _published(settings: Settings) -> list[Entry]:
    entries = [
        Entry(choice.name, "published", choice.variant, download_bytes=choice.download_bytes)
        for choice in pretrained.available(settings)
    ]
    return sorted(entries, key=lambda entry: not entry.on_disk)
