"""The JSON files of a saved model: written from a model, and read as untrusted input.

`config.json` is timm's, so that timm and transformers can open the folder; `resnet_demo.json` has what is ours alone.
Folders that transformers wrote are read too.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models import transformers_config, variants
from resnet_demo.models.entries import (
    Entries,
    displayable,
    labels_of,
    number_entry,
    optional_text,
    read_json,
    require,
    text_entry,
)
from resnet_demo.models.model import Model, TrainingInfo
from resnet_demo.models.model_folders import CONFIG, OURS, PREPROCESSOR
from resnet_demo.models.pretrained import MAX_CLASSES
from resnet_demo.models.variants import Variant
from resnet_demo.texts import AppError, Message

# In config.json: that resnet_demo.json belongs to it.
MARK, VERSION = "resnet_demo", 1
# timm refuses an architecture that begins so. By its own name it would load and answer wrongly: the networks with the
# stride on the 1x1 have the keys of timm's.
OURS_ALONE = "resnet_demo_"
HASH = "weights_sha256"
MAX_METRICS = 200
COLOURS = 3


@dataclass(frozen=True)
class Description:
    """A saved model without its weights, checked; `weights_sha256` is None if the files do not give it."""

    variant: str
    labels: tuple[str, ...]
    spec: ImageSpec
    licence: str | None = None
    training_info: TrainingInfo = field(default_factory=TrainingInfo)
    weights_sha256: str | None = None
    notes: tuple[Message, ...] = ()
    ours: bool = False
    """Whether this app wrote it."""


def read_folder(folder: Path) -> Description:
    """Read the description of a saved model from its folder; reads no weights and imports no torch.

    Raises:
        AppError: a file is missing, too large or not JSON, or as in `read`.
    """
    config = read_json(folder / CONFIG)
    ours = read_json(folder / OURS) if MARK in config else None
    pictures = folder / PREPROCESSOR
    try:
        if transformers_config.is_resnet(config):
            return _of_transformers(config, read_json(pictures) if os.path.isfile(pictures) else None)  # noqa: PTH113
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
    require(classes == model.network.fc.out_features, "label_names", classes)
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


def _read_config(config: Entries) -> Description:
    name = config.get("architecture", config.get("model_type"))
    if isinstance(name, str) and not name.startswith(OURS_ALONE):
        name = name.partition(".")[0]  # timm's name of a set of weights comes behind
    found = [variant.name for variant in variants.all_variants() if _architecture(variant) == name]
    if not found:
        raise _unsupported(name)
    # In timm's oldest files all entries are on one level.
    pretrained_cfg = config.get("pretrained_cfg", config)
    require(isinstance(pretrained_cfg, dict), "pretrained_cfg", pretrained_cfg)
    classes = config.get("num_classes", pretrained_cfg.get("num_classes"))
    require(type(classes) is int and 1 <= classes <= MAX_CLASSES, "num_classes", classes)
    _require_same_network(config, pretrained_cfg, classes)
    names = config.get("label_names", pretrained_cfg.get("label_names"))
    licence = optional_text(pretrained_cfg, "license")
    return Description(found[0], labels_of(names, classes), ImageSpec.from_timm(pretrained_cfg), licence)


def _of_transformers(config: Entries, pictures: Entries | None) -> Description:
    spec, notes = transformers_config.read_spec(pictures)
    variant, labels = transformers_config.read_network(config)
    return Description(variant, labels, spec, optional_text(config, "license"), notes=notes)


def _unsupported(name: object) -> AppError:
    if name is None:
        return AppError("saved.problem.no_architecture", file=CONFIG)
    return AppError("saved.problem.architecture", name=displayable(name))


def _complete(description: Description, ours: Entries) -> Description:
    """Add the entries of our own file, if it describes the same network."""
    version = ours.get("version")
    if type(version) is int and version > VERSION:
        raise AppError("saved.problem.newer")
    require(version == VERSION, "version", version)
    require(ours.get("variant") == description.variant, "variant", ours.get("variant"))
    require(ours.get("image_spec") == _spec(description.spec), "image_spec", ours.get("image_spec"))
    return replace(
        description,
        licence=optional_text(ours, "licence"),
        training_info=_training_info(ours.get("teaching", {})),
        weights_sha256=optional_text(ours, HASH),
        ours=True,
    )


def _require_same_network(config: Entries, pretrained_cfg: Entries, classes: int) -> None:
    """Refuse arguments that make timm build another network of this name; dropout is inactive in evaluation."""
    arguments = config.get("model_args") or {}
    require(isinstance(arguments, dict), "model_args", arguments)
    size = pretrained_cfg.get("input_size")
    channels = arguments.get("in_chans", size[0] if isinstance(size, list) and size else COLOURS)
    if type(channels) is int and channels != COLOURS:
        raise AppError("saved.problem.channels", channels=channels)
    neutral = {"num_classes": classes, "in_chans": COLOURS, "global_pool": "avg"}
    ignored = {"drop_rate", "drop_path_rate", "zero_init_last"}
    for name, value in arguments.items():
        require(name in ignored or (name in neutral and value == neutral[name]), f"model_args.{name}", value)
    require(config.get("global_pool") in (None, "avg"), "global_pool", config.get("global_pool"))
    require(not pretrained_cfg.get("label_offset"), "label_offset", pretrained_cfg.get("label_offset"))


def _training_info(entries: Any) -> TrainingInfo:
    known = {entry.name for entry in fields(TrainingInfo)}
    require(isinstance(entries, dict) and set(entries) <= known, "teaching", entries)
    metrics = entries.get("metrics", {})
    require(isinstance(metrics, dict) and len(metrics) <= MAX_METRICS, "metrics", metrics)
    return TrainingInfo(
        parent=optional_text(entries, "parent"),
        data=optional_text(entries, "data"),
        metrics={text_entry("metrics", name): number_entry("metrics", value) for name, value in metrics.items()},
        temperature=number_entry("temperature", entries["temperature"]) if "temperature" in entries else None,
        threshold=number_entry("threshold", entries["threshold"]) if "threshold" in entries else None,
    )


def _architecture(variant: Variant) -> str:
    return variant.timm_name or OURS_ALONE + variant.name


def _spec(spec: ImageSpec) -> Any:
    """The spec as it is read back from JSON."""
    return json.loads(json.dumps(spec.to_json()))


def _filled(entries: Entries) -> Entries:
    return {name: value for name, value in entries.items() if value not in (None, {})}
