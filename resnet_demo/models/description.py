"""The JSON files of a saved model: written from a model, and read as untrusted input.

`config.json` is timm's, so that timm and transformers can open the folder; `resnet_demo.json` has what is ours alone.
"""

from __future__ import annotations

import json
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models import variants
from resnet_demo.models.model import Model, TrainingInfo
from resnet_demo.models.model_folders import CONFIG
from resnet_demo.models.pretrained import MAX_CLASSES, imagenet_ids, imagenet_labels
from resnet_demo.models.variants import Variant
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

Entries = Mapping[str, Any]

# In config.json: that resnet_demo.json belongs to it.
MARK, VERSION = "resnet_demo", 1
# timm refuses an architecture that begins so. By its own name it would load and answer wrongly: the networks with the
# stride on the 1x1 have the keys of timm's.
OURS_ALONE = "resnet_demo_"
OURS, HASH = "resnet_demo.json", "weights_sha256"
MAX_JSON_BYTES = 8 * MEGABYTE
MAX_METRICS = 200
MAX_NUMBER = 1e12
MAX_CHARACTERS = 200


@dataclass(frozen=True)
class Description:
    """A saved model without its weights, checked; `weights_sha256` is None if the files do not give it."""

    variant: str
    labels: tuple[str, ...]
    spec: ImageSpec
    licence: str | None = None
    training_info: TrainingInfo = field(default_factory=TrainingInfo)
    weights_sha256: str | None = None


def read_folder(folder: Path) -> Description:
    """Read the description of a saved model from its folder; reads no weights and imports no torch.

    Raises:
        AppError: a file is missing, too large or not JSON, or as in `read`.
    """
    config = read_json(folder / CONFIG)
    ours = read_json(folder / OURS) if MARK in config else None
    try:
        return read(config, ours)
    except RecursionError as error:  # nested just so deep that JSON's reader still bore it
        raise AppError("saved.problem.no_json", file=CONFIG) from error


def describe(model: Model) -> tuple[Entries, Entries]:
    """The entries of `config.json` and of `resnet_demo.json`.

    Raises:
        AppError: the number of labels differs from that of classes, or an entry could not be read again (a label of
            300 characters, a metric that is not a number).
    """
    classes = len(model.labels)
    _require(classes == model.network.fc.out_features, "label_names", classes)
    licence = {} if model.licence is None else {"license": model.licence}
    config = {
        "architecture": _architecture(variants.get(model.variant)),
        "num_classes": classes,
        "num_features": model.network.fc.in_features,
        "label_names": list(model.labels),
        "dtype": "float32",
        MARK: VERSION,
        "pretrained_cfg": {
            **model.spec.to_timm(),
            **licence,
            "num_classes": classes,
            "first_conv": "conv1",
            "classifier": "fc",
        },
    }
    optional = {"licence": model.licence, "teaching": _filled(asdict(model.training_info))}
    ours = {"version": VERSION, "variant": model.variant, "image_spec": _spec(model.spec), **_filled(optional)}
    read(config, ours)
    return config, ours


def read(config: Entries, ours: Entries | None) -> Description:
    """Check and read the entries of both files; `ours` is None if timm wrote the folder.

    Raises:
        AppError: an unsupported network, or an invalid entry; the message names it.
    """
    description = _read_config(config)
    return description if ours is None else _complete(description, ours)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a saved model.

    Raises:
        AppError: there is no such file, it is too large, or is not a JSON object.
    """
    check_file(path, MAX_JSON_BYTES)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AppError("saved.problem.no_json", file=path.name) from error
    if not isinstance(entries, dict):
        raise AppError("saved.problem.no_json", file=path.name)
    return entries


def check_file(path: Path, max_bytes: int) -> None:
    """Check that a file exists and is no larger than `max_bytes`.

    Raises:
        AppError: it is missing or too large.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        raise AppError("saved.problem.no_file", file=path.name, folder=str(path.parent))
    if found.st_size > max_bytes:
        raise AppError("saved.problem.too_large", file=path.name, most=max_bytes // MEGABYTE)


def _read_config(config: Entries) -> Description:
    name = config.get("architecture")
    found = [variant.name for variant in variants.all_variants() if _architecture(variant) == name]
    if not found:
        raise AppError("saved.problem.architecture", name=_displayable(name))
    # In timm's oldest files all entries are on one level.
    pretrained_cfg = config.get("pretrained_cfg", config)
    _require(isinstance(pretrained_cfg, dict), "pretrained_cfg", pretrained_cfg)
    classes = config.get("num_classes", pretrained_cfg.get("num_classes"))
    _require(type(classes) is int and 1 <= classes <= MAX_CLASSES, "num_classes", classes)
    _require_same_network(config, pretrained_cfg, classes)
    names = config.get("label_names", pretrained_cfg.get("label_names"))
    licence = _optional_text(pretrained_cfg, "license")
    return Description(found[0], _labels(names, classes), ImageSpec.from_timm(pretrained_cfg), licence)


def _complete(description: Description, ours: Entries) -> Description:
    """Add the entries of our own file, if it describes the same network."""
    version = ours.get("version")
    if type(version) is int and version > VERSION:
        raise AppError("saved.problem.newer")
    _require(version == VERSION, "version", version)
    _require(ours.get("variant") == description.variant, "variant", ours.get("variant"))
    _require(ours.get("image_spec") == _spec(description.spec), "image_spec", ours.get("image_spec"))
    return replace(
        description,
        licence=_optional_text(ours, "licence"),
        training_info=_training_info(ours.get("teaching", {})),
        weights_sha256=_optional_text(ours, HASH),
    )


def _require_same_network(config: Entries, pretrained_cfg: Entries, classes: int) -> None:
    """Refuse arguments that make timm build another network of this name; dropout is inactive in evaluation."""
    arguments = config.get("model_args") or {}
    _require(isinstance(arguments, dict), "model_args", arguments)
    neutral = {"num_classes": classes, "in_chans": 3, "global_pool": "avg"}
    ignored = {"drop_rate", "drop_path_rate", "zero_init_last"}
    for name, value in arguments.items():
        _require(name in ignored or (name in neutral and value == neutral[name]), f"model_args.{name}", value)
    _require(config.get("global_pool") in (None, "avg"), "global_pool", config.get("global_pool"))
    _require(not pretrained_cfg.get("label_offset"), "label_offset", pretrained_cfg.get("label_offset"))


def _labels(names: object, classes: int) -> tuple[str, ...]:
    """One label per logit; without names, ImageNet's for 1,000 classes and numbers for any other count."""
    if names is None:
        return imagenet_labels() if classes == len(imagenet_ids()) else tuple(map(str, range(classes)))
    if isinstance(names, dict):
        names = [names.get(str(index)) for index in range(classes)]
    if not isinstance(names, list) or len(names) != classes:
        raise _misfit("label_names", names)
    labels = tuple(_text("label_names", name) for name in names)
    return imagenet_labels() if labels == imagenet_ids() else _unique(labels)


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Make labels unique: a second `cat` becomes `cat (2)`, or gets the next free number."""
    taken, numbers = set(labels), defaultdict[str, Iterator[int]](lambda: count(2))
    first: set[str] = set()
    unique = []
    for label in labels:
        name = label
        if label in first:
            stem = label[: MAX_CHARACTERS - len(f" ({MAX_CLASSES})")]
            name = next(fresh for number in numbers[stem] if (fresh := f"{stem} ({number})") not in taken)
        first.add(label)
        taken.add(name)
        unique.append(name)
    return tuple(unique)


def _training_info(entries: Any) -> TrainingInfo:
    known = {entry.name for entry in fields(TrainingInfo)}
    _require(isinstance(entries, dict) and set(entries) <= known, "teaching", entries)
    metrics = entries.get("metrics", {})
    _require(isinstance(metrics, dict) and len(metrics) <= MAX_METRICS, "metrics", metrics)
    return TrainingInfo(
        parent=_optional_text(entries, "parent"),
        data=_optional_text(entries, "data"),
        metrics={_text("metrics", name): _number("metrics", value) for name, value in metrics.items()},
        temperature=_number("temperature", entries["temperature"]) if "temperature" in entries else None,
        threshold=_number("threshold", entries["threshold"]) if "threshold" in entries else None,
    )


def _architecture(variant: Variant) -> str:
    return variant.timm_name or OURS_ALONE + variant.name


def _spec(spec: ImageSpec) -> Any:
    """The spec as it is read back from JSON."""
    return json.loads(json.dumps(spec.to_json()))


def _filled(entries: Entries) -> Entries:
    return {name: value for name, value in entries.items() if value not in (None, {})}


def _optional_text(entries: Entries, name: str) -> str | None:
    return None if entries.get(name) is None else _text(name, entries[name])


def _text(name: str, value: Any) -> str:
    """Check a text: not empty, not long, without control characters and lone surrogates."""
    sound = isinstance(value, str) and 1 <= len(value) <= MAX_CHARACTERS
    _require(sound and not {"Cc", "Cs"} & set(map(unicodedata.category, value)), name, value)
    return str(value)


def _number(name: str, value: Any) -> float:
    _require(type(value) in (int, float) and abs(value) < MAX_NUMBER, name, value)  # NaN is not below either
    return float(value)


def _require(condition: bool, name: str, value: object) -> None:
    if not condition:
        raise _misfit(name, value)


def _misfit(name: str, value: object) -> AppError:
    return AppError("saved.problem.entry", name=name[:MAX_CHARACTERS], value=_displayable(value))


def _displayable(value: object) -> str:
    """An untrusted value for display: short, and without its inner parts."""
    text = str(value) if isinstance(value, str | int | float) else type(value).__name__
    return text[:MAX_CHARACTERS].encode(errors="replace").decode()
