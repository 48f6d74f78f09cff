"""Pictures that unfold to more than their header says: found before they are decoded."""

from __future__ import annotations

from typing import IO

from PIL import ImageFile

from resnet_demo.data.av1_size import coded_sizes
from resnet_demo.data.decoding_cost import tile_pixels
from resnet_demo.data.jpeg_scans import count_scans, in_several_scans

USUAL_SCANS, MOST_SCANNED = 20, 400_000_000
"""Of a JPEG: encoders make six to eighteen scans. More are taken where they go over no more pixels than this in all."""

MOST_TIMES = 4
"""The pixels of the picture, that all its coded parts may have together: colour, opacity, a gain map, padding."""

_SPARE_PIXELS = 1 << 20
"""Beside that: a small picture may lie in a large tile."""


def is_larger_than_told(image: ImageFile.ImageFile, stream: IO[bytes]) -> bool:
    """Whether decoding an opened picture would take much more memory or time than its size tells.

    Of the other formats the decoders themselves refuse what does not fit the header. `stream` stays where it is.

    Raises:
        ValueError, IndexError, ...: the file is not whole.
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
