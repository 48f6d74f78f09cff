"""Whether a picture file is truncated, checked without decoding it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO


def is_complete(stream: IO[bytes], name: str) -> bool:
    """Whether the file ends with the end marker, or has the length, of a complete file of this format."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - 16))
    end = stream.read(16)
    if name == "JPEG":
        return end.endswith(b"\xff\xd9")  # end of image: ITU-T T.81, B.1.1.3
    if name == "PNG":
        return end.endswith(b"\0\0\0\0IEND\xaeB`\x82")
    if name == "GIF":
        return end.endswith(b";")
    if name == "WEBP":
        stream.seek(4)
        return int.from_bytes(stream.read(4), "little") + 8 <= length
    return name in {"AVIF", "HEIF"} and sum(_box_lengths(stream, length)) == length


def _box_lengths(stream: IO[bytes], length: int) -> Iterator[int]:
    """The lengths of the top-level boxes (ISO/IEC 14496-12, 4.2), up to the end or an invalid one."""
    place = 0
    while place + 8 <= length:
        stream.seek(place)
        box = int.from_bytes(stream.read(4), "big")
        if box == 1:
            stream.seek(place + 8)
            box = int.from_bytes(stream.read(8), "big")
        elif box == 0:
            box = length - place
        if box < 8:
            return
        yield box
        place += box


def ends_in_header(stream: IO[bytes], name: str) -> bool:
    """Whether the file ended within its header, as far as this can be known."""
    reached, length = stream.tell(), stream.seek(0, os.SEEK_END)
    if name == "WEBP":
        stream.seek(4)
        return int.from_bytes(stream.read(4), "little") + 8 > length
    return name in {"JPEG", "PNG", "GIF", "BMP"} and reached >= length  # the others read ahead
