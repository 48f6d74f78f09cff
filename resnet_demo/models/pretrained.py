"""Published weights: a record for each set, found on the disk or downloaded, and checked.

Imports no torch until a model is opened, so that the page can list the weights early.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.download import DownloadError, Progress, cached_hub, fetch, fetch_hub, sha256_of
from resnet_demo.models import variants
from resnet_demo.models.model import Model
from resnet_demo.models.model_folders import FILES
from resnet_demo.settings import PREFIX, Settings, expanded
from resnet_demo.texts import AppError, Message

SOURCE = "https://download.pytorch.org/models"
# The variable that names a mirror of SOURCE.
MIRROR = f"{PREFIX}MIRROR"
HUB_FILE = "model.safetensors"
MAX_CLASSES = 50_000
NO_HASH, LOCAL = "", "local"
"""The hash of a file whose name has none, and what it is called where the variant's name alone means another."""
MEBIBYTE = 2**20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedWeights:
    """One set of torchvision's weights, trained on ImageNet's 1,000 classes.

    `sha8` is what the file's SHA-256 begins with. `top1` and `top5` are percent on ImageNet's validation
    photos, `mebibytes` the file's size, `resize_size` the shorter side before the 224-pixel centre crop; all as
    torchvision's records have them. torchvision's licence is BSD-3-Clause and names no other for the weights;
    the Hub's copies say BSD-3-Clause too. ImageNet's photos themselves have terms of their own.
    """

    variant: str
    tag: Literal["v1", "v2"]
    sha8: str
    top1: float
    top5: float
    mebibytes: float
    resize_size: int
    classes: int = 1000
    licence: str = "BSD-3-Clause"

    @property
    def spec(self) -> ImageSpec:
        """The preprocessing with which the accuracy was measured."""
        return ImageSpec(crop_size=224, resize_size=self.resize_size, interpolation="bilinear")

    @property
    def file(self) -> str:
        """The name of the file, which contains its hash."""
        return f"{self.variant}-{self.sha8}.pth"

    @property
    def url(self) -> str:
        """torchvision's web address of the file."""
        return f"{SOURCE}/{self.file}"

    @property
    def hub_repo(self) -> str:
        """The Hub repository with a copy, under timm's name."""
        return f"timm/{self.variant}.{'tv' if self.tag == 'v1' else 'tv2'}_in1k"


@dataclass(frozen=True)
class Choice:
    """Weights that `--model` can name: a published set, or a local file with a hash that is not published.

    `sha8` is the hash that the file should begin with, empty where its name does not say it. `path` is its path on
    this disk, None if it has to be downloaded.
    """

    name: str
    variant: str
    sha8: str
    published: PublishedWeights | None
    path: Path | None

    @property
    def on_disk(self) -> bool:
        """Whether opening it needs no download."""
        return self.path is not None

    @property
    def download_bytes(self) -> int:
        """The size of the download in bytes; 0 if none is needed."""
        return 0 if self.path or self.published is None else round(self.published.mebibytes * MEBIBYTE)


def published() -> tuple[PublishedWeights, ...]:
    """Every published set, in the order of the variants."""
    return _PUBLISHED


def available(settings: Settings) -> tuple[Choice, ...]:
    """All weights that `open_pretrained` can open, on this disk or not; hashes are checked only on opening."""
    return tuple(choice for variant in variants.all_variants() for choice in _choices(variant.name, settings))


def offers(name: str, settings: Settings) -> bool:
    """Whether `available` has a set of this name."""
    variant = name.partition(":")[0]
    known = variant in {one.name for one in variants.all_variants()}
    return known and name in {choice.name for choice in _choices(variant, settings)}


def open_pretrained(name: str, settings: Settings, progress: Progress | None = None) -> Model:
    """Open the published model of this name, downloaded if it is not on this disk.

    Looked for in this order: the folder `settings.weights`, the caches of this app, of torch and of the Hub's
    client, torchvision's server (or the mirror that RESNET_DEMO_MIRROR names), the Hub's copy.

    Args:
        name: `resnet50` for the first set (or the one local file of `settings.weights` that nobody published),
            `resnet50:v2` for the second, `resnet50:<first 8 digits of the hash>` for any, and `resnet50:local` for one
            without a hash in its name.
        progress: called with (bytes done, all bytes) during a download.

    A local file that is not published is read as `weight_files` reads any: 1,000 classes that nothing names are taken
    for ImageNet's, others are called `class 0`, `class 1` and so on. Its preprocessing is that of the variant's first
    published set, or else the default one for the variant's input size.

    Raises:
        AppError: no such set, a damaged file, or no way to get it; the message says where to put the file.
    """
    choice = _choose(name, settings)
    path = _obtain(choice, settings, progress)
    record = choice.published or (_record_of(path, choice.variant) if choice.sha8 == NO_HASH else None)
    if record is None:
        from resnet_demo.models.weight_files import open_weights

        model = open_weights(path, name, choice.variant)
        unchecked = Message("pretrained.note.no_hash", {"file": path.name, "variant": choice.variant})
        return replace(model, notes=(unchecked, *model.notes)) if choice.sha8 == NO_HASH else model
    from resnet_demo.models.state_dict import load_network

    return Model(
        name=name,
        variant=choice.variant,
        network=load_network(choice.variant, record.classes, path),
        labels=labels_without_names(record.classes),
        spec=record.spec,
        licence=record.licence,
        origin=record.url,
        top1=record.top1,
    )


def imagenet_labels() -> tuple[str, ...]:
    """The classes' English names in the order of the logits: torchvision's, but for its "Cardigan", a dog."""
    return tuple(name for _, name in _imagenet())


def imagenet_ids() -> tuple[str, ...]:
    """The classes' WordNet ids, such as n01440764, in the order of the logits, which is theirs."""
    return tuple(wordnet_id for wordnet_id, _ in _imagenet())


@cache
def _imagenet() -> list[tuple[str, str]]:
    path = Path(__file__).with_name("imagenet.json")
    rows: list[tuple[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def _records(variant: str) -> list[PublishedWeights]:
    return [record for record in _PUBLISHED if record.variant == variant]


def _record_of(path: Path, variant: str) -> PublishedWeights | None:
    """The published set that a file is, whatever it is called."""
    sha256 = sha256_of(path)
    return next((record for record in _records(variant) if sha256.startswith(record.sha8)), None)


def labels_without_names(classes: int) -> tuple[str, ...]:
    """The labels of a file that names none: 1,000 are taken for ImageNet's, others are numbered."""
    return imagenet_labels() if classes == len(_imagenet()) else tuple(f"class {index}" for index in range(classes))


def usual_spec(variant: str) -> ImageSpec:
    """The preprocessing for weights without a record; small images are not resized."""
    records, size = _records(variant), variants.get(variant).input_size
    if records:
        return records[0].spec
    return ImageSpec() if size == ImageSpec.crop_size else ImageSpec(crop_size=size, resize_size=size)


def _choices(variant: str, settings: Settings) -> Iterator[Choice]:
    """The plain name means the first published set, unless local files that nobody published take its place."""
    records, local = _records(variant), dict(_unpublished(variant, settings))
    places = {record.tag: _on_disk(record, settings) for record in records}
    first = places.get("v1")
    local_first = bool(local) and (first is None or first.parent != settings.weights)
    for sha8, path in local.items():
        name = variant if local_first and len(local) == 1 else f"{variant}:{sha8 or LOCAL}"
        yield Choice(name, variant, sha8, None, path)
    for record in records:
        name = variant if record.tag == "v1" and not local_first else f"{variant}:{record.tag}"
        yield Choice(name, variant, record.sha8, record, places[record.tag])


def _unpublished(variant: str, settings: Settings) -> Iterator[tuple[str, Path]]:
    """Weights in the settings' folder whose hash is not published, as (hash, file); one name may leave the hash out."""
    known = {record.sha8 for record in _records(variant)}
    folder = settings.weights
    # os.path's questions, here and below: Path's own raise where a folder above is closed.
    files = sorted(folder.iterdir()) if folder and os.path.isdir(folder) else []  # noqa: PTH112
    for path in files:
        named = re.fullmatch(rf"{variant}-([0-9a-f]{{8}})\.pth", path.name)
        if named and named[1] not in known:
            yield named[1], path
    plain = [path for ending in FILES for path in files if path.name == variant + ending]
    if plain:
        yield NO_HASH, plain[0]


def _on_disk(record: PublishedWeights, settings: Settings) -> Path | None:
    for folder in (settings.weights, _own_cache(settings), _torch_cache()):
        if folder and os.path.isfile(folder / record.file):  # noqa: PTH113
            return folder / record.file
    return cached_hub(record.hub_repo, HUB_FILE)


def _own_cache(settings: Settings) -> Path:
    return settings.home / "weights"


def _torch_cache() -> Path:
    """The download folder of torch.hub, found without importing torch."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return expanded(os.environ.get("TORCH_HOME") or caches / "torch") / "hub" / "checkpoints"


def _choose(name: str, settings: Settings) -> Choice:
    variant, _, tag = name.partition(":")
    variants.get(variant)
    if settings.weights and not os.path.isdir(settings.weights):  # noqa: PTH112
        raise AppError("pretrained.problem.no_folder", folder=str(settings.weights))
    choices = list(_choices(variant, settings))
    if not choices:
        raise AppError("pretrained.problem.none_published", variant=variant)
    for choice in choices:
        if choice.name == name or tag in {choice.sha8 or LOCAL, choice.published and choice.published.tag}:
            return choice
    names = ", ".join(choice.name for choice in choices)
    problem = "unknown_set" if tag else "which_set"
    raise AppError(f"pretrained.problem.{problem}", name=name, variant=variant, choices=names)


def _obtain(choice: Choice, settings: Settings, progress: Progress | None) -> Path:
    """A file whose hash is checked; for a copy from the Hub its client has done so."""
    path, record = choice.path, choice.published
    if path and (not choice.sha8 or path.name == HUB_FILE or sha256_of(path).startswith(choice.sha8)):
        return path
    if record is None or (path and path.parent == settings.weights):
        file = f"{choice.variant}-{choice.sha8}.pth"
        raise AppError("pretrained.problem.damaged", file=file, folder=str(settings.weights))
    return _download(record, settings, progress)


def _download(record: PublishedWeights, settings: Settings, progress: Progress | None) -> Path:
    mirror = os.environ.get(MIRROR) or SOURCE
    url = f"{mirror.rstrip('/')}/{record.file}"
    target = _own_cache(settings) / record.file
    try:
        return fetch(url, target, sha256_prefix=record.sha8, progress=progress)
    except DownloadError as error:
        logger.info("%s", error)
    try:
        return fetch_hub(record.hub_repo, HUB_FILE, progress=progress)
    except DownloadError as error:
        folder = settings.weights or _own_cache(settings)
        raise AppError("pretrained.problem.missing", file=record.file, url=record.url, folder=str(folder)) from error


# variant, tag, hash, top-1, top-5, mebibytes, resize: as torchvision 0.29 has them; a test compares.
_PUBLISHED = (
    PublishedWeights("resnet18", "v1", "f37072fd", 69.758, 89.078, 44.661, 256),
    PublishedWeights("resnet34", "v1", "b627a593", 73.314, 91.420, 83.275, 256),
    PublishedWeights("resnet50", "v1", "0676ba61", 76.130, 92.862, 97.781, 256),
    PublishedWeights("resnet50", "v2", "11ad3fa6", 80.858, 95.434, 97.790, 232),
    PublishedWeights("resnet101", "v1", "63fe2227", 77.374, 93.546, 170.511, 256),
    PublishedWeights("resnet101", "v2", "cd907fc2", 81.886, 95.780, 170.530, 232),
    PublishedWeights("resnet152", "v1", "394f9c45", 78.312, 94.046, 230.434, 256),
    PublishedWeights("resnet152", "v2", "f82ba261", 82.284, 96.002, 230.474, 232),
    PublishedWeights("resnext50_32x4d", "v1", "7cdf4587", 77.618, 93.698, 95.789, 256),
    PublishedWeights("resnext50_32x4d", "v2", "1a0047aa", 81.198, 95.340, 95.833, 232),
    PublishedWeights("resnext101_32x8d", "v1", "8ba56ff5", 79.312, 94.526, 339.586, 256),
    PublishedWeights("resnext101_32x8d", "v2", "110c445d", 82.834, 96.228, 339.673, 232),
    PublishedWeights("resnext101_64x4d", "v1", "173b62eb", 83.246, 96.454, 319.318, 232),
    PublishedWeights("wide_resnet50_2", "v1", "95faca4d", 78.468, 94.086, 131.820, 256),
    PublishedWeights("wide_resnet50_2", "v2", "9ba9bcbe", 81.602, 95.758, 263.124, 232),
    PublishedWeights("wide_resnet101_2", "v1", "32ee1156", 78.848, 94.284, 242.896, 256),
    PublishedWeights("wide_resnet101_2", "v2", "d733dc28", 82.510, 96.020, 484.747, 232),
)
