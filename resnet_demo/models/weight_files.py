"""A model from a file of weights alone: the network found by its layers, its classes by files beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resnet_demo.data.file_names import display_name
from resnet_demo.models import label_files, variants
from resnet_demo.models.layer_names import Found, Layers
from resnet_demo.models.model import Model
from resnet_demo.models.pretrained import MAX_CLASSES, labels_without_names, usual_spec
from resnet_demo.models.state_dict import classes_in, fitting_variants, layers_of, network_of, read_file
from resnet_demo.texts import AppError, Message

COLOURS = 3


def open_weights(path: Path, name: str, variant: str | None = None, labels: Path | None = None) -> Model:
    """The model with the weights of a file that any program wrote: `.pth`, `.pt`, `.ckpt`, `.bin`, `.safetensors`.

    Its classes are named by `labels`, else by what was saved with the weights, else by a file beside them; 1,000
    classes that nothing names are taken for ImageNet's. The notes say what was assumed.

    Args:
        path: the file.
        name: what the model is called.
        variant: the network; found by its layers if absent.
        labels: a file with the names of its classes.

    Raises:
        AppError: it cannot be read, or not exactly; the message says what it is and what to do.
    """
    if variant is not None:
        variants.get(variant)
    if not os.path.isfile(path):  # noqa: PTH113  Path's own raises where a folder above is closed
        raise AppError("inference.problem.no_file", file=str(path))
    content = read_file(path)
    found = layers_of(content, path)
    classes = _checked_classes(found, path)
    chosen = _only_variant(found.layers, path) if variant is None else variant
    try:
        network = network_of(chosen, classes, found.layers, path)
    except AppError as error:
        if error.message.key == "weights.problem.other_network":
            _name_the_fitting(found.layers, path, chosen)
        raise
    names, named_by = _labels(content, path, classes, labels)
    return Model(
        name=name,
        variant=chosen,
        network=network,
        labels=names,
        spec=usual_spec(chosen),
        licence=None,
        origin=None,
        notes=(
            *_notes(found, path),
            named_by,
            Message("weights.note.preprocessing", {"size": usual_spec(chosen).crop_size}),
        ),
    )


def _checked_classes(found: Found, path: Path) -> int:
    """The number of classes of its last layer, where it is a network of ours as far as the first look goes."""
    layers = found.layers
    first = layers.get("conv1.weight")
    if first is None or not hasattr(first, "shape"):
        names = ", ".join(display_name(name) for name in sorted(layers)[:3])
        raise AppError("weights.problem.no_resnet", file=path.name, layers=names)
    if len(first.shape) == 4 and first.shape[1] != COLOURS:
        raise AppError("weights.problem.channels", file=path.name, channels=first.shape[1])
    if found.head is None:
        raise AppError("weights.problem.no_head", file=path.name)
    classes = classes_in(layers)
    if classes is None or not 1 <= classes <= MAX_CLASSES:
        raise AppError("weights.problem.head", file=path.name, layers=found.head)
    return classes


def _only_variant(layers: Layers, path: Path) -> str:
    fitting = fitting_variants(layers)
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise AppError("weights.problem.unknown_network", file=path.name)
    example = f"{fitting[0]}:{path}"
    raise AppError("weights.problem.which_network", file=path.name, choices=", ".join(fitting), example=example)


def _name_the_fitting(layers: Layers, path: Path, asked: str) -> None:
    fitting = fitting_variants(layers)
    if fitting:
        raise AppError("weights.problem.other_variant", file=path.name, variant=asked, choices=", ".join(fitting))


def _labels(
    content: Mapping[str, Any], path: Path, classes: int, given: Path | None
) -> tuple[tuple[str, ...], Message]:
    if given is not None:
        labels = label_files.read_labels(given)
        if len(labels) != classes:
            raise AppError(
                "labels.problem.count", file=given.name, labels=len(labels), weights=path.name, classes=classes
            )
        return labels, Message("weights.note.labels", {"file": given.name})
    inside = label_files.labels_inside(content, classes)
    if inside is not None:
        return inside[1], Message("weights.note.labels_inside", {"entry": inside[0]})
    beside = label_files.labels_beside(path, classes)
    if beside is not None:
        return beside[1], Message("weights.note.labels", {"file": beside[0].name})
    labels = labels_without_names(classes)
    if labels[0] == "class 0":
        return labels, Message("weights.note.no_labels", {"classes": classes})
    return labels, Message("weights.note.imagenet")


def _notes(found: Found, path: Path) -> tuple[Message, ...]:
    if not found.unread:
        return ()
    place = found.place.strip(".") or path.name
    return (Message("weights.note.unread", {"place": place, "others": ", ".join(found.unread)[:200]}),)
