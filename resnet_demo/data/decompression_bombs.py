"""Decompression bombs: pictures that would decode to far more than their header says, found before decoding."""

from __future__ import annotations

from typing import IO

from PIL import ImageFile

from resnet_demo.data.av1_size import coded_sizes
from resnet_demo.data.decoding_cost import tile_pixels
from resnet_demo.data.jpeg_scans import count_scans, in_several_scans

USUAL_SCANS, MOST_SCANNED = 20, 400_000_000
"""For JPEG: encoders write 6 to 18 scans; more are accepted if all together cover at most so many pixels."""

MOST_TIMES = 4
"""The most pixels of all coded parts (colour, alpha, gain map, padding), as a multiple of the picture's pixels."""

_SPARE_PIXELS = 1 << 20
"""Allowed in addition: a small picture may be stored in a large tile."""


def is_decompression_bomb(image: ImageFile.ImageFile, stream: IO[bytes]) -> bool:
    """Whether decoding an opened picture would take much more memory or time than its size suggests.

    Decoders of the other formats refuse data that does not fit the header. The position of `stream` is kept.

    Raises:
        ValueError, IndexError, ...: the file is truncated or damaged.
    """
    most = MOST_TIMES * image.width * image.height + _SPARE_PIXELS
    if image.format == "TIFF":
        return tile_pixels(image) > most
    if image.format == "AVIF":
        sizes = coded_sizes(_whole(stream))
        return not sizes or sum(width * height for width, height in sizes) > most
    if image.format in {"JPEG", "MPO"} and in_several_scans(image):
        scans = count_scans(_whole(stream))
        return scans > USUAL_SCANS and scans * image.width * image.height > MOST_SCANNED
    return False


def _whole(stream: IO[bytes]) -> bytes:
    place = stream.tell()
    stream.seek(0)
    data = stream.read()
    stream.seek(place)
    return data
