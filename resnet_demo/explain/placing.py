"""A map laid back over the photo, where the network saw what it shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_demo.plots import colours

Map = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]


def place(values: Map, size: tuple[int, int], seen: Box) -> Map:
    """A map (h, w) -> (H, W), a number for each pixel of the photo: bilinear inside of the box, 0 outside.

    Args:
        values: the map; it covers the box evenly.
        size: (width, height) of the upright photo in pixels.
        seen: (left, top, right, bottom) of what the network saw, as `preprocessing.seen_box` gives it.
    """
    height, width = values.shape
    left, top, right, bottom = seen
    across, down = width / (right - left), height / (bottom - top)
    affine = (across, 0.0, -left * across, 0.0, down, -top * down)
    small = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.array(small.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))


def over_photo(photo: Image.Image, size: tuple[int, int], seen: Box, values: Map, opacity: float) -> colours.Colours:
    """A map (h, w) in colours over the photo, (H, W, 3) in the photo's own pixels; what was not seen stays as it is.

    Args:
        photo: upright RGB, perhaps decoded at reduced scale.
        size: (width, height) of the original, in whose pixels `seen` is given.
        seen: (left, top, right, bottom) of what the network saw.
        values: the map; its largest value gets the strongest colour.
        opacity: of the colours, 0 to 1.
    """
    shrunk_x, shrunk_y = photo.width / size[0], photo.height / size[1]
    box = (seen[0] * shrunk_x, seen[1] * shrunk_y, seen[2] * shrunk_x, seen[3] * shrunk_y)
    painted = colours.paint(place(values, photo.size, box), float(np.abs(values).max()))
    share = opacity * place(np.ones_like(values), photo.size, box)[..., np.newaxis]
    blended: colours.Colours = (np.asarray(photo) * (1 - share) + painted * share).round().astype(np.uint8)
    return blended
