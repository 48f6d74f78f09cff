"""A saliency map laid over the photo that it belongs to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_demo.plots import colour_maps

Map = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]

OPACITY = 0.55
"""Of a saliency map over a photo, unless somebody chooses another: the map is read, and the photo seen."""


def upsample(values: Map, size: tuple[int, int], seen: Box) -> Map:
    """Resample a map (h, w) to the pixels of the photo, (H, W): bilinear inside the box `seen`, 0 outside.

    Args:
        values: the map, which covers the box evenly.
        size: (width, height) of the upright photo in pixels.
        seen: (left, top, right, bottom) of the network's input, as `preprocessing.seen_box` gives it.
    """
    height, width = values.shape
    left, top, right, bottom = seen
    across, down = width / (right - left), height / (bottom - top)
    affine = (across, 0.0, -left * across, 0.0, down, -top * down)
    small = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.array(small.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))


def overlay_map(
    photo: Image.Image, size: tuple[int, int], seen: Box, values: Map, opacity: float
) -> colour_maps.Colours:
    """Blend a map (h, w), as colours, with the photo: (H, W, 3); pixels outside the network's input stay unchanged.

    Args:
        photo: upright RGB, perhaps decoded at reduced scale.
        size: (width, height) of the original, in whose pixels `seen` is given.
        seen: (left, top, right, bottom) of the network's input.
        values: the map; its largest value gets the strongest colour.
        opacity: of the colours, 0 to 1.
    """
    shrunk_x, shrunk_y = photo.width / size[0], photo.height / size[1]
    box = (seen[0] * shrunk_x, seen[1] * shrunk_y, seen[2] * shrunk_x, seen[3] * shrunk_y)
    painted = colour_maps.paint(upsample(values, photo.size, box), float(np.abs(values).max()))
    share = opacity * upsample(np.ones_like(values), photo.size, box)[..., np.newaxis]
    blended: colour_maps.Colours = (np.asarray(photo) * (1 - share) + painted * share).round().astype(np.uint8)
    return blended
