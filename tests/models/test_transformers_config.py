"""transformers' `preprocessor_config.json`: pictures are prepared as transformers prepares them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_demo.data.preprocessing import fit, normalise
from resnet_demo.models.transformers_config import read_network, read_spec
from resnet_demo.texts import AppError

PROCESSORS: list[tuple[str, dict[str, Any], bool]] = [
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 224}}, False),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 96}, "crop_pct": 0.75, "resample": 2}, False),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}, True),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 224}, "do_normalize": False}, False),
    ("BitImageProcessor", {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, False),
    ("ViTImageProcessor", {"image_mean": [0.4, 0.5, 0.6]}, True),
]
"""Class, arguments, and whether it squashes whole pictures to a square."""


@pytest.mark.parametrize(("kind", "arguments", "squashed"), PROCESSORS, ids=str)
def test_pictures_are_prepared_alike(kind: str, arguments: dict[str, Any], squashed: bool) -> None:
    transformers = pytest.importorskip("transformers")
    processor = getattr(transformers, kind)(**arguments)
    slopes = np.add.outer(np.arange(300), np.arange(450))[..., None] * np.array([0.3, 0.2, 0.33])
    picture = Image.fromarray(slopes.clip(0, 255).astype(np.uint8))
    theirs = processor(images=picture, return_tensors="pt")["pixel_values"]
    spec, notes = read_spec(json.loads(processor.to_json_string()))
    pixels = fit(picture, spec, "whole" if squashed else "crop", picture.size)
    torch.testing.assert_close(normalise(torch.from_numpy(pixels)[None], spec), theirs, atol=0.02, rtol=0)
    assert [note.key for note in notes] == (["saved.note.squashed"] if squashed else [])


def test_the_size_may_be_a_number_as_in_old_files() -> None:
    """As microsoft/resnet-50 has it."""
    old = {
        "crop_pct": 0.875,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "ConvNextFeatureExtractor",
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "resample": 3,
        "size": 224,
    }
    spec, notes = read_spec(old)
    assert (spec.crop_size, spec.resize_size, spec.interpolation, notes) == (224, 256, "bicubic", ())


MEANS = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


@pytest.mark.parametrize(
    "entries",
    [
        {"do_resize": False},
        {"do_rescale": False},
        {"rescale_factor": 1 / 127.5},
        {"do_pad": True},
        {"resample": 1},
        {"size": {"longest_edge": 224}},
        {"size": {"height": 224, "width": 200}},
        {"size": "224"},
        {"size": {"shortest_edge": 10**6}},
        {"size": {"shortest_edge": 224}, "do_center_crop": True, "crop_size": 256},
        {"size": {"height": 256, "width": 256}, "do_center_crop": True, "crop_size": 224},
        {"image_processor_type": "LevitImageProcessor"},
        {"crop_pct": "0.9"},
        {"image_mean": None},
        {"image_std": [0, 0, 0]},
    ],
    ids=str,
)
def test_what_is_not_done_so_here_is_refused(entries: dict[str, Any]) -> None:
    with pytest.raises(AppError):
        read_spec({**MEANS, **entries})


@pytest.mark.parametrize(
    "entries",
    [
        {"depths": "3463"},
        {"depths": [3, 4, 6, "3"]},
        {"layer_type": ["basic"]},
        {"architectures": "ResNetModel"},
        {"architectures": ["ResNetBackbone"]},
        {"downsample_in_bottleneck": 1},
        {"id2label": ["a"]},
        {"id2label": {"0": "a", "2": "b"}},
        {"num_channels": None},
    ],
    ids=str,
)
def test_entries_of_any_kind_end_in_a_sentence(entries: dict[str, Any]) -> None:
    with pytest.raises(AppError):
        read_network({"model_type": "resnet", **entries})
