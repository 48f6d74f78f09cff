"""The scans of a JPEG, counted (ITU-T T.81, 4.5 and B.1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from PIL import ImageFile

_START, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker in entropy-coded data: neither a stuffed byte nor a restart marker."""


def in_several_scans(image: ImageFile.ImageFile) -> bool:
    """Whether an opened JPEG is progressive or has its components in separate scans; it is then decoded as a whole."""
    if image.info.get("progressive"):
        return True
    stream, layers = image.fp, getattr(image, "layer", [])
    if stream is None or len(layers) < 2:
        return False
    place = stream.tell()
    first = _first_layers(stream)
    stream.seek(place)
    return first < len(layers)


def _first_layers(stream: IO[bytes]) -> int:
    """The number of components in the first scan; 0 if there is no scan."""
    stream.seek(2)
    while len(head := stream.read(4)) == 4:
        if head[1] == _START:
            return int.from_bytes(stream.read(1), "big")
        if head[0] != 0xFF or head[1] == 0xFF:  # a fill byte, or what Pillow passes over
            stream.seek(-3, 1)
        else:
            stream.seek(int.from_bytes(head[2:], "big") - 2, 1)
    return 0


def count_scans(data: bytes) -> int:
    """The number of scans of a JPEG file."""
    return sum(1 for _ in _scans(data))


def _scans(data: bytes) -> Iterator[int]:
    """The offset of each scan."""
    place = 2
    while place + 4 <= len(data):
        kind = data[place + 1]
        if kind == _END:
            return
        if data[place] != 0xFF or kind == 0xFF:
            place += 1
            continue
        if kind == _START:
            yield place
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if kind == _START:
            found = _MARKER.search(data, place)
            if found is None:
                return
            place = found.start()
