"""Augmentation in batches on the device: random views of photos, mixup and CutMix.

Photos are stored squashed to a square, with their original aspect ratio. Cropping, stretching, rotating and flipping a
whole batch is then a single affine resampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.data.preprocessing import CropMode, ImageSpec

DRAWS = 9
"""Random numbers per view."""

AREA_RANGE = 0.9
ROOM_RANGE = 0.3
SHAPE_RANGE = 2.0
ANGLE_RANGE = math.radians(15)
COLOUR_RANGE = 0.4
"""At full strength: crops down to 0.1 of the photo, from half to twice as wide as high, or 0.3 of its sides around a
whole one; 15 degrees, colours by 40 %."""

MAX_SHRINK = 1.5
"""Above this ratio of the square's side to the view's, the square is downsampled first, against aliasing."""
MARGIN = 1.15
"""Downsampled and stored squares have this many times the view's pixels a side, so that crops stay sharp."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma (ITU-R BT.601)."""


@dataclass(frozen=True)
class Views:
    """Augmentation parameters of N photos; every field is a float tensor (N,) or (N, 2).

    `centre` and `extent` (x, y) place the crop box in the square, whose coordinates run from -1 to 1: an extent of 1 is
    the whole side. `angle` is in radians, `mirror` is -1 for a horizontal flip, and the other three are factors.
    """

    centre: Tensor
    extent: Tensor
    angle: Tensor
    mirror: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor


def plain_views(shapes: Tensor, spec: ImageSpec) -> Views:
    """What evaluation shows of each photo, the centre crop or all of it; `shapes` (N,) are width / height."""
    shorter = torch.stack([(1 / shapes).clamp(max=1), shapes.clamp(max=1)], dim=1)
    if spec.crop_mode == "whole":
        shorter = torch.ones_like(shorter)
    still, one = torch.zeros_like(shapes), torch.ones_like(shapes)
    centre = torch.zeros_like(shorter)
    return Views(centre, shorter * (spec.crop_size / spec.resize_size), still, one, one, one, one)


def random_views(
    shapes: Tensor, draws: Tensor, strength: float, *, mirror: bool = True, crop_mode: CropMode = "crop"
) -> Views:
    """A random view of each photo, from `draws` (N, DRAWS), uniform in [0, 1).

    A box of random area and aspect ratio at a random position (Szegedy et al. 2015, section 6), rotated, and with
    changed colours, the more so the larger `strength` (0 to 1) is; with `mirror` flipped half of the time. Where the
    `crop_mode` is "whole", all of the photo is in the box, which is up to `ROOM_RANGE` larger.
    """
    if crop_mode == "whole":
        extent = 1 + ROOM_RANGE * strength * draws[:, :2]
    else:
        area = 1 - AREA_RANGE * strength * draws[:, 0]
        shape = SHAPE_RANGE ** (strength * _both_ways(draws[:, 1]))
        extent = torch.stack([area * shape / shapes, area / shape * shapes], dim=1).sqrt()
        extent = extent / extent.amax(dim=1, keepdim=True).clamp(min=1)
    brightness, contrast, saturation = (1 + COLOUR_RANGE * strength * _both_ways(draws[:, 6:])).unbind(dim=1)
    return Views(
        centre=_both_ways(draws[:, 2:4]) * (1 - extent),
        extent=extent,
        angle=ANGLE_RANGE * strength * _both_ways(draws[:, 4]),
        mirror=torch.where(draws[:, 5] < (0.5 if mirror else 0.0), -1.0, 1.0),
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
    )


def _both_ways(draws: Tensor) -> Tensor:
    """[0, 1) -> [-1, 1)."""
    return 2 * draws - 1


def render(squares: Tensor, views: Views, size: int) -> Tensor:
    """Render views of squashed photos (N, S, S, 3), uint8, to pictures (N, size, size, 3), uint8; bilinear."""
    pictures = squares.permute(0, 3, 1, 2).float()
    if squares.shape[1] > MAX_SHRINK * size:
        pictures = F.interpolate(pictures, (round(MARGIN * size),) * 2, mode="bilinear", antialias=True)
    grid = F.affine_grid(_maps(views), [len(pictures), 3, size, size], align_corners=False)
    pictures = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    return _coloured(pictures, views).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def _maps(views: Views) -> Tensor:
    """The affine maps from view to square, (N, 2, 3), for `affine_grid`."""
    cos, sin = views.angle.cos(), views.angle.sin()
    turned = torch.stack([cos * views.mirror, -sin, sin * views.mirror, cos], dim=1).view(-1, 2, 2)
    return torch.cat([turned * views.extent[:, :, None], views.centre[:, :, None]], dim=2)


def _coloured(pictures: Tensor, views: Views) -> Tensor:
    """Change brightness, then contrast around the mean, then saturation around grey; (N, 3, H, W), 0 to 255."""
    pictures = pictures * views.brightness.view(-1, 1, 1, 1)
    contrast, saturation = views.contrast.view(-1, 1, 1, 1), views.saturation.view(-1, 1, 1, 1)
    luma = torch.tensor(LUMA, device=pictures.device).view(1, 3, 1, 1)
    mean = (pictures * luma).sum(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * contrast
    grey = (pictures * luma).sum(dim=1, keepdim=True)
    return grey + (pictures - grey) * saturation


def mixup(images: Tensor, targets: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Mixup: each photo is blended with the one before it, with weight `share` (Zhang et al. 2018).

    Args:
        images: (N, 3, H, W).
        targets: (N, classes), probabilities, mixed in the same way.
    """
    return (
        images * share + images.roll(1, 0) * (1 - share),
        targets * share + targets.roll(1, 0) * (1 - share),
    )


def cutmix(images: Tensor, targets: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """CutMix: the `box` (left, top, right, bottom) of each photo comes from the one before it (Yun et al. 2019).

    The targets are mixed by the areas. `images` (N, 3, H, W) stays as it is.
    """
    left, top, right, bottom = box
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images.roll(1, 0)[:, :, top:bottom, left:right]
    share = 1 - (right - left) * (bottom - top) / (images.shape[2] * images.shape[3])
    return mixed, targets * share + targets.roll(1, 0) * (1 - share)


def cut_box(size: int, share: float, place: tuple[float, float]) -> tuple[int, int, int, int]:
    """A box for `cutmix` around `place` (x, y from 0 to 1) with 1 - `share` of the area, clipped at the edges."""
    half = size * math.sqrt(1 - share) / 2
    left, top, right, bottom = (
        min(max(int(place[axis] * size + way * half), 0), size) for way in (-1, 1) for axis in (0, 1)
    )
    return left, top, right, bottom
