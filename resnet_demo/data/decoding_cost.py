"""The memory that decoding a picture takes, estimated from its header."""

from __future__ import annotations

from PIL import ImageFile

from resnet_demo.data.jpeg_scans import in_several_scans

_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes per pixel in Pillow; 4 in all other modes, including RGB."""

_RGB = 4

_BESIDE = {"WEBP": 12, "AVIF": 10, "HEIF": 6}
"""Bytes per pixel that the decoder holds in addition to Pillow's.

libwebp: two canvases, and its picture of the frame or the copy of the canvas that is handed over, 4 each. libavif and
libheif: 3 or 4 handed over, and planes of brightness, colour and alpha, once or twice 1.5 and seldom more.
"""

_TILE_WIDTH, _TILE_LENGTH, _STRIP_ROWS = 322, 323, 278
"""TIFF 6.0, sections 8 and 15."""


def bytes_to_decode(image: ImageFile.ImageFile, full: tuple[int, int], *, turned: bool) -> int:
    """The peak memory of decoding, including conversion by `rgb.as_rgb` and rotation.

    Args:
        image: opened, not decoded, perhaps in draft mode for a reduced scale.
        full: its (width, height) before that.
        turned: whether it will be rotated after decoding.
    """
    pixels = image.width * image.height
    stored = _STORED.get(image.mode, 4) * pixels
    plain = image.mode == "RGB" and not image.has_transparency_data
    converting = stored + (0 if plain else _RGB * pixels)
    turning = 2 * _RGB * pixels if turned else 0
    return max(stored + _beside(image, full), converting, turning)


def _beside(image: ImageFile.ImageFile, full: tuple[int, int]) -> int:
    """Bytes that the decoder itself holds in addition."""
    name = image.format or ""
    if name in {"JPEG", "MPO"}:
        return _coefficients(image, full)
    if name == "TIFF":
        return _piece(image)
    return _BESIDE.get(name, 0) * image.width * image.height


def _coefficients(image: ImageFile.ImageFile, full: tuple[int, int]) -> int:
    """Coefficients of the whole picture at full scale, two bytes each, if a JPEG has several scans."""
    if not in_several_scans(image):
        return 0
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    densest = max((across * down for _, across, down, _ in layers), default=1)
    return 2 * full[0] * full[1] * sum(across * down for _, across, down, _ in layers) // densest


def _piece(image: ImageFile.ImageFile) -> int:
    """A decoded strip or tile of a TIFF, 4 bytes per pixel; a tile may be larger than the picture."""
    if not image.tile or image.tile[0].codec_name != "libtiff":
        return 0
    rows = int(getattr(image, "tag_v2", {}).get(_STRIP_ROWS, image.height))
    return 4 * (tile_pixels(image) or image.width * min(image.height, rows))


def tile_pixels(image: ImageFile.ImageFile) -> int:
    """Pixels of one tile of an opened TIFF; 0 if it has no tiles."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))
