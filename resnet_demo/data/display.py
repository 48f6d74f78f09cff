"""Photos for display: thumbnails, and the box of the network's input drawn on a photo."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageEnhance

SHOWN_SIDE = 900
"""Pixels of the longer side of a photo shown by itself."""
DIMMED = 0.45
"""Brightness outside of the network's input."""


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """A copy no longer or wider than `side` pixels; a smaller picture stays as it is."""
    scale = side / max(image.size)
    if scale >= 1:
        small = image.copy()
    else:  # not of a copy, as Pillow's own thumbnail would: it may be a large picture
        width, height = (max(1, round(scale * length)) for length in image.size)
        small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    small.info = {}  # a comment, say, which would be saved too, and is too long for some formats
    return small


def with_seen_box(
    image: Image.Image, size: tuple[int, int], seen: tuple[float, float, float, float], side: int = SHOWN_SIDE
) -> Image.Image:
    """A copy no longer or wider than `side` pixels, dimmed around the box `seen`.

    Args:
        image: the upright photo, perhaps at reduced scale.
        size: (width, height) of the original, in whose pixels `seen` is given.
        seen: (left, top, right, bottom).
    """
    shown = thumbnail(image, side)
    scale_x, scale_y = shown.width / size[0], shown.height / size[1]
    left, right = (max(0, min(round(x * scale_x), shown.width)) for x in seen[::2])
    top, bottom = (max(0, min(round(y * scale_y), shown.height)) for y in seen[1::2])
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    if (left, top, right, bottom) == (0, 0, *shown.size):
        return shown
    dimmed = ImageEnhance.Brightness(shown).enhance(DIMMED)
    dimmed.paste(shown.crop((left, top, right, bottom)), (left, top))
    ImageDraw.Draw(dimmed).rectangle((left, top, right - 1, bottom - 1), outline="white", width=2)
    return dimmed
