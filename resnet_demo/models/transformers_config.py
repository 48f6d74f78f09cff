"""transformers' own ResNets: which of our networks a `config.json` means, and how photos are prepared for it.

`ResNetForImageClassification`, `preprocessor_config.json`; read as untrusted input. What has no counterpart here is
refused.
"""

from __future__ import annotations

import math
from typing import Any

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models.entries import Entries, displayable, labels_of, require
from resnet_demo.models.pretrained import MAX_CLASSES
from resnet_demo.texts import AppError, Message

COLOURS = 3
SIZE, CROP_PCT, SQUASHED_FROM = 224, 224 / 256, 384
"""Of transformers' ConvNextImageProcessor, which its ResNets use: pictures of this size or more are not cropped."""
FILTERS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of its filters, as `resample` gives them."""

_DEFAULTS = {
    "num_channels": COLOURS,
    "embedding_size": 64,
    "hidden_sizes": [256, 512, 1024, 2048],
    "depths": [3, 4, 6, 3],
    "layer_type": "bottleneck",
    "hidden_act": "relu",
    "downsample_in_first_stage": False,
    "downsample_in_bottleneck": False,
}
"""transformers' `ResNetConfig`."""
_BASIC, _BOTTLENECK = [64, 128, 256, 512], [256, 512, 1024, 2048]
_DEPTHS = {
    ("basic", (2, 2, 2, 2)): 18,
    ("basic", (3, 4, 6, 3)): 34,
    ("bottleneck", (3, 4, 6, 3)): 50,
    ("bottleneck", (3, 4, 23, 3)): 101,
    ("bottleneck", (3, 8, 36, 3)): 152,
}


def is_resnet(config: Entries) -> bool:
    """Whether transformers wrote it for a ResNet of its own; timm's networks in transformers have an `architecture`."""
    return config.get("model_type") == "resnet" and "architecture" not in config


def read_network(config: Entries) -> tuple[str, tuple[str, ...]]:
    """The variant and the labels.

    Raises:
        AppError: none of our networks, no classifier, or an invalid entry.
    """
    entries: dict[str, Any] = {name: config.get(name, usual) for name, usual in _DEFAULTS.items()}
    heads = config.get("architectures") or ["ResNetForImageClassification"]
    if heads != ["ResNetForImageClassification"]:
        raise AppError("saved.problem.no_classifier", name=displayable(heads[0] if isinstance(heads, list) else heads))
    if type(entries["num_channels"]) is int and entries["num_channels"] != COLOURS:
        raise AppError("saved.problem.channels", channels=entries["num_channels"])
    basic = entries["layer_type"] == "basic"
    fixed = {
        "num_channels": COLOURS,
        "embedding_size": 64,
        "hidden_sizes": _BASIC if basic else _BOTTLENECK,
        "hidden_act": "relu",
        "downsample_in_first_stage": False,
    }
    for name, value in fixed.items():
        if entries[name] != value:
            raise AppError("saved.problem.other_resnet", name=name, value=_shown(entries[name]))
    depths, kind = entries["depths"], entries["layer_type"]
    whole = isinstance(depths, list) and all(type(one) is int for one in depths) and isinstance(kind, str)
    depth = _DEPTHS.get((kind, tuple(depths))) if whole else None
    if depth is None:
        raise AppError("saved.problem.other_resnet", name="depths", value=_shown(depths))
    strided = entries["downsample_in_bottleneck"]
    require(isinstance(strided, bool), "downsample_in_bottleneck", strided)
    return f"resnet{depth}_stride1x1" if strided and not basic else f"resnet{depth}", _labels(config)


def read_spec(pictures: Entries | None) -> tuple[ImageSpec, tuple[Message, ...]]:
    """How photos are prepared, and what is to be said about that; `pictures` is None where the file is missing.

    Raises:
        AppError: it cannot be done so here.
    """
    if pictures is None:
        return ImageSpec(), (Message("saved.note.no_preprocessor"),)
    for name in ("do_resize", "do_rescale"):
        require(pictures.get(name, True) is True, name, pictures.get(name))
    scale = pictures.get("rescale_factor", 1 / 255)
    require(isinstance(scale, int | float) and math.isclose(scale, 1 / 255, rel_tol=1e-6), "rescale_factor", scale)
    require(pictures.get("do_pad") in (None, False), "do_pad", pictures.get("do_pad"))
    crop, resize, squashed = _sizes(pictures)
    normalised = pictures.get("do_normalize", True)
    require(isinstance(normalised, bool), "do_normalize", normalised)
    spec = ImageSpec(
        crop_size=crop,
        resize_size=resize,
        mean=_three(pictures, "image_mean") if normalised else (0.0, 0.0, 0.0),
        std=_three(pictures, "image_std") if normalised else (1.0, 1.0, 1.0),
        interpolation=FILTERS.get(pictures.get("resample", 3), displayable(pictures.get("resample"))),  # type: ignore[arg-type]
    )
    return spec, (Message("saved.note.squashed", {"size": crop}),) if squashed else ()


def _sizes(pictures: Entries) -> tuple[int, int, bool]:
    """Sides of the crop and of the resized picture in pixels, and whether pictures are squashed to a square instead."""
    size, cropped = pictures.get("size", SIZE), pictures.get("crop_size")
    if not isinstance(size, dict):
        size = {"shortest_edge": size}
    if {"height", "width"} <= set(size):
        require(size["height"] == size["width"], "size", str(size))
        side = _side("size", size["height"])
        if pictures.get("do_center_crop") is True:
            require(_crop(cropped, side) == side, "crop_size", str(cropped))
        return side, side, True
    shorter = _side("size", size.get("shortest_edge"))
    if pictures.get("do_center_crop") is True:
        return _crop(cropped, shorter), shorter, False
    kind = pictures.get("image_processor_type", pictures.get("feature_extractor_type", "ConvNext"))
    require(isinstance(kind, str) and kind.startswith("ConvNext"), "image_processor_type", kind)
    if shorter >= SQUASHED_FROM:
        return shorter, shorter, True
    share = CROP_PCT if pictures.get("crop_pct") is None else pictures["crop_pct"]
    require(isinstance(share, int | float) and 0.1 <= share <= 1, "crop_pct", share)
    return shorter, int(shorter / share), False


def _crop(entry: object, default: int) -> int:
    if entry is None:
        return default
    if isinstance(entry, dict):
        require(entry.get("height") == entry.get("width"), "crop_size", str(entry))
        entry = entry.get("height")
    return _side("crop_size", entry)


def _side(name: str, value: object) -> int:
    require(type(value) is int, name, value)
    assert isinstance(value, int)
    return value


def _three(pictures: Entries, name: str) -> Any:
    """Numbers that the file always has: transformers' own defaults differ from one version to the next."""
    values = pictures.get(name)
    require(values is not None, name, values)
    return tuple(values) if isinstance(values, list) else values


def _labels(config: Entries) -> tuple[str, ...]:
    """As `id2label` names them; without it transformers has two classes."""
    names = config.get("id2label")
    if names is None:
        names = {"0": "LABEL_0", "1": "LABEL_1"}
    require(isinstance(names, dict) and 1 <= len(names) <= MAX_CLASSES, "id2label", names)
    return labels_of(names, len(names))


def _shown(value: object) -> str:
    return displayable(str(value)) if isinstance(value, list) else displayable(value)
