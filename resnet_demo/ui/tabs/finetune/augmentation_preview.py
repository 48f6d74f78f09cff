"""Augmentation preview: photos as they are, as the network's input in an evaluation, and augmented as in training."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from resnet_demo.data import images
from resnet_demo.data.display import thumbnail
from resnet_demo.data.image_folder import Dataset
from resnet_demo.data.images import Picture
from resnet_demo.data.preprocessing import CropMode, ImageSpec, fit
from resnet_demo.ui.components.inline_images import as_uri
from resnet_demo.ui.components.term import term
from resnet_demo.ui.visitor_context import say

if TYPE_CHECKING:
    import torch

COLUMNS = 8
SHOWN_SIDE = 192
ROWS = ("original", "network_input", "augmented")


@dataclass(frozen=True)
class Sample:
    """One photo with its class, and its pictures in the order of `ROWS`."""

    label: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class AugmentationPreview:
    """Photos of the classes, at `size` pixels a side, augmented with a strength from 0 to 1."""

    samples: tuple[Sample, ...]
    size: int
    strength: float


def draw(
    dataset: Dataset,
    size: int,
    strength: float,
    seed: int,
    max_pixels: int,
    *,
    mirror: bool = True,
    crop_mode: CropMode = "crop",
) -> AugmentationPreview:
    """Some photos of each class, of many classes of some, by a seed; what cannot be read is passed over."""
    import torch

    from resnet_demo.training.plan import trained_spec

    spec = trained_spec(ImageSpec(), size, crop_mode)
    chance = torch.Generator().manual_seed(seed)
    samples = []
    for index in choose([photo.label for photo in dataset.photos], seed):
        photo = dataset.photos[index]
        with images.opened(dataset.root / photo.path, needed=spec.resize_size, max_pixels=max_pixels) as picture:
            if isinstance(picture, Picture):
                three = (
                    thumbnail(picture.image, SHOWN_SIDE),
                    Image.fromarray(fit(picture.image, spec, "crop", picture.size)),
                    augmented(picture, spec, strength, chance, mirror=mirror),
                )
                samples.append(Sample(dataset.classes[photo.label], tuple(as_uri(image) for image in three)))
    return AugmentationPreview(tuple(samples), size, strength)


def choose(labels: Sequence[int], seed: int) -> list[int]:
    """Photos for the columns, shared out evenly among the classes in their order."""
    chance = random.Random(seed)  # noqa: S311  pictures to look at
    members = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    classes = sorted(chance.sample(sorted(members), min(COLUMNS, len(members))))
    chosen = []
    for place, label in enumerate(classes):
        wanted = COLUMNS // len(classes) + (place < COLUMNS % len(classes))
        chosen += chance.sample(members[label], min(wanted, len(members[label])))
    return chosen


def augmented(
    picture: Picture, spec: ImageSpec, strength: float, chance: torch.Generator, *, mirror: bool = True
) -> Image.Image:
    """A photo as it might come in training: the same steps as `decoded_photos` and `batch_loader` take."""
    import torch

    from resnet_demo.data.augment import DRAWS, MARGIN, plain_views, random_views, render

    side = round(MARGIN * spec.crop_size)
    square = fit(picture.image, ImageSpec(side, side, spec.mean, spec.std, spec.interpolation), "whole", picture.size)
    shapes = torch.tensor([picture.size[0] / picture.size[1]])
    draws = torch.rand(1, DRAWS, generator=chance)
    views = (
        random_views(shapes, draws, strength, mirror=mirror, crop_mode=spec.crop_mode)
        if strength
        else plain_views(shapes, spec)
    )
    return Image.fromarray(render(torch.from_numpy(square)[None], views, spec.crop_size)[0].numpy())


def as_html(preview: AugmentationPreview) -> str:
    """A table of pictures, a column for each photo, that scrolls sideways where it has to."""
    said = {
        "original": escape(say("photos.preview.original")),
        "network_input": term("centre_crop", say("photos.preview.network_input", size=preview.size)),
        "augmented": term("augmentation", say("photos.preview.augmented", percent=round(100 * preview.strength))),
    }
    heads = "".join(f'<th scope="col">{escape(sample.label)}</th>' for sample in preview.samples)
    width = len(preview.samples)
    rows = "".join(
        f"<tr class='row'><th colspan='{width}' scope='rowgroup'><span>{escape(said[row])}</span></th></tr><tr>"
        + "".join(
            f'<td><img src="{sample.pictures[number]}" alt="{escape(sample.label)}"></td>' for sample in preview.samples
        )
        + "</tr>"
        for number, row in enumerate(ROWS)
    )
    return f"<div class='preview'><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
