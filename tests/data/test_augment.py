"""Random views: where they lie, what they look like, and how pairs are mixed; torchvision is the oracle for mixing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from resnet_demo.data.augment import (
    DRAWS,
    Views,
    cut_box,
    cutmix,
    mixup,
    plain_views,
    random_views,
    render,
)
from resnet_demo.data.preprocessing import CropMode, ImageSpec, fit


def draws(count: int) -> Tensor:
    return torch.rand(count, DRAWS, generator=torch.Generator().manual_seed(0))


def smooth(width: int, height: int) -> Image.Image:
    """A picture that every right resampling agrees on: slow waves of another direction in each channel."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin(5 * x), np.cos(4 * y), np.sin(3 * (x + y))]
    return Image.fromarray((np.stack(waves, axis=2) * 100 + 128).astype(np.uint8))


def squashed(image: Image.Image, side: int) -> Tensor:
    return torch.from_numpy(np.array(image.resize((side, side), Image.Resampling.BILINEAR)))[None]


def still(count: int = 1) -> Views:
    """Views that change nothing."""
    one = torch.ones(count)
    return Views(torch.zeros(count, 2), torch.ones(count, 2), torch.zeros(count), one, one, one, one)


@pytest.mark.parametrize("size", [(200, 100), (90, 160), (128, 128)])
def test_a_plain_view_is_what_evaluation_sees(size: tuple[int, int]) -> None:
    spec, image = ImageSpec(crop_size=96, resize_size=110), smooth(*size)
    view = render(squashed(image, 112), plain_views(torch.tensor([size[0] / size[1]]), spec), 96)[0]
    difference = view.int() - torch.from_numpy(fit(image, spec, "crop")).int()
    assert difference.abs().max() <= 2


@pytest.mark.parametrize("size", [64, 96])
def test_an_unchanged_view_is_the_photo_resized(size: int) -> None:
    """At 96 nothing is resampled; at 64 the square is shrunk first, so that fine detail does not flicker."""
    square = squashed(smooth(120, 120), 96)
    expected = torch.from_numpy(np.array(smooth(120, 120).resize((size, size), Image.Resampling.BILINEAR)))
    assert (render(square, still(), size)[0].int() - expected.int()).abs().max() <= 2


def test_fine_detail_is_averaged_not_sampled() -> None:
    stripes = torch.zeros(1, 128, 128, 3, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    inner = render(stripes, still(), 32)[0, 4:-4, 4:-4].int()
    assert (inner - 128).abs().max() <= 12


def test_boxes_stay_within_the_photo_and_have_the_drawn_area_and_shape() -> None:
    shapes = torch.tensor([0.5, 1.0, 1.5, 3.0]).repeat(500)
    views = random_views(shapes, draws(2000), 1.0)
    assert bool((views.centre.abs() + views.extent <= 1 + 1e-6).all())
    width, height = views.extent.unbind(dim=1)
    area, shape = width * height, width / height * shapes
    assert area.min() < 0.13
    assert area.max() <= 1
    # A wide photo's wide box is cut to the photo's height, never squashed beyond what was drawn.
    assert shape.min() >= 0.5 - 1e-6
    assert shape.max() <= 2 + 1e-6
    assert abs(math.log(float(shape.median()))) < 0.1


def test_the_draws_say_where() -> None:
    numbers = torch.full((1, DRAWS), 0.5)
    numbers[0, 2:4] = torch.tensor([0.0, 1.0])
    numbers[0, 0] = 1.0
    view = random_views(torch.ones(1), numbers, 1.0)
    assert view.extent[0].tolist() == pytest.approx([math.sqrt(0.1)] * 2)
    assert (view.centre[0] + torch.tensor([1.0, -1.0]) * (1 - view.extent[0])).abs().max() < 1e-6
    # Left bottom of the photo.
    square = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    square[0, -2:, :2] = 255
    assert render(square, view, 8)[0, -1, 0].tolist() == [255, 255, 255]


def test_without_strength_nothing_but_the_mirror_is_left() -> None:
    views = random_views(torch.ones(64), draws(64), 0.0)
    assert bool((views.extent == 1).all())
    assert bool((views.centre == 0).all())
    assert bool((views.angle == 0).all())
    assert {float(value) for value in views.mirror} == {-1.0, 1.0}
    assert bool((torch.stack([views.brightness, views.contrast, views.saturation]) == 1).all())


def test_mirror_and_turn() -> None:
    square = squashed(smooth(64, 64), 64)
    views = still()
    mirrored = render(square, Views(**{**vars(views), "mirror": torch.tensor([-1.0])}), 64)
    assert torch.equal(mirrored, square.flip(2))
    turned = render(square, Views(**{**vars(views), "angle": torch.tensor([math.pi / 2])}), 64)
    assert (turned.int() - square.rot90(1, (1, 2)).int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("brightness", v2.functional.adjust_brightness),
        ("contrast", v2.functional.adjust_contrast),
        ("saturation", v2.functional.adjust_saturation),
    ],
)
def test_colours_change_as_torchvision_changes_them(name: str, oracle: object) -> None:
    square = squashed(smooth(48, 48), 48)
    views = Views(**{**vars(still()), name: torch.tensor([1.3])})
    expected = oracle(square.permute(0, 3, 1, 2), 1.3).permute(0, 2, 3, 1)  # type: ignore[operator]
    assert (render(square, views, 48).int() - expected.int()).abs().max() <= 2


def one_hot(labels: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, 5).float()


def test_mixup_is_torchvisions() -> None:
    images, labels = torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    oracle = v2.MixUp(num_classes=5)
    given = {"lam": 0.3, "labels": labels, "batch_size": 6}
    mixed, targets = mixup(images, one_hot(labels), 0.3)
    torch.testing.assert_close(mixed, oracle.transform(images, given))
    torch.testing.assert_close(targets, oracle.transform(labels, given))


def test_cutmix_is_torchvisions() -> None:
    images, labels = torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    box = (2, 1, 7, 5)
    oracle = v2.CutMix(num_classes=5)
    given = {"box": box, "lam_adjusted": 1 - 20 / 64, "labels": labels, "batch_size": 6}
    before = images.clone()
    mixed, targets = cutmix(images, one_hot(labels), box)
    torch.testing.assert_close(mixed, oracle.transform(images, given))
    torch.testing.assert_close(targets, oracle.transform(labels, given))
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("share", "place", "box"),
    [
        (0.75, (0.5, 0.5), (16, 16, 48, 48)),  # a quarter of 64 x 64 in the middle
        (0.75, (0.0, 1.0), (0, 48, 16, 64)),  # cut off at two edges
        (1.0, (0.4, 0.4), (25, 25, 25, 25)),
        (0.0, (0.5, 0.5), (0, 0, 64, 64)),
    ],
)
def test_boxes_to_cut(share: float, place: tuple[float, float], box: tuple[int, int, int, int]) -> None:
    assert cut_box(64, share, place) == box


def test_a_whole_view_has_all_of_the_photo_in_it_at_any_strength() -> None:
    shapes = torch.tensor([0.25, 1.0, 4.0]).repeat(300)
    for strength in (0.0, 0.5, 1.0):
        views = random_views(shapes, draws(900), strength, crop_mode="whole")
        assert bool((views.extent - views.centre.abs() >= 1 - 1e-6).all())
        assert float(views.extent.max()) <= 1.3
    plain = plain_views(shapes, ImageSpec(32, 32, crop_mode="whole"))
    assert bool((plain.extent == 1).all())


def test_a_whole_photos_plain_view_is_what_evaluation_sees() -> None:
    spec, image = ImageSpec(crop_size=96, resize_size=96, crop_mode="whole"), smooth(400, 100)
    view = render(squashed(image, 112), plain_views(torch.tensor([4.0]), spec), 96)[0]
    assert (view.int() - torch.from_numpy(fit(image, spec, "crop")).int()).abs().max() <= 3


@pytest.mark.parametrize("crop_mode", ["crop", "whole"])
def test_mirroring_can_be_switched_off_by_itself(crop_mode: CropMode) -> None:
    shapes = torch.ones(64)
    mirrored, plain = (
        random_views(shapes, draws(64), 0.7, mirror=mirror, crop_mode=crop_mode) for mirror in (True, False)
    )
    assert bool((plain.mirror == 1).all())
    for name in ("centre", "extent", "angle", "brightness", "contrast", "saturation"):
        assert torch.equal(getattr(plain, name), getattr(mirrored, name))
