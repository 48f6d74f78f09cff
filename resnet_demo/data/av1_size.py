"""The sizes of the AV1 pictures in an AVIF file by their own headers, whatever the container says.

Boxes: ISO/IEC 14496-12 (8.11 for items, 8.5 to 8.7 for tracks) and 23008-12. AV1: Bitstream & Decoding Process
Specification, 5.3 (OBUs) and 5.5 (sequence header).
"""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE_HEADER = 1
_TRACK = (b"mdia", b"minf", b"stbl")


def coded_sizes(data: bytes) -> list[tuple[int, int]]:
    """(width, height) of each sequence header in the items, and in the first sample of each track.

    Raises:
        ValueError, IndexError: boxes or headers are truncated or invalid.
    """
    sizes = []
    for sample in _samples(data):
        sizes += [_frame_size(body) for kind, body in _units(sample) if kind == _SEQUENCE_HEADER]
    return sizes


def _samples(data: bytes) -> Iterator[bytes]:
    left = 2 * len(data)  # or else many items could all mean the whole file
    for sample in _all_samples(data):
        left -= len(sample)
        if left < 0:
            raise ValueError("items that lie over each other")
        yield sample


def _all_samples(data: bytes) -> Iterator[bytes]:
    for kind, body in _boxes(data):
        if kind == b"meta":
            yield from _items(data, dict(_boxes(body[4:])))
        if kind == b"moov":
            for name, track in _boxes(body):
                if name == b"trak":
                    yield _first_sample(data, track)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and content of each box."""
    place = 0
    while place + 8 <= len(data):
        size, head = _number(data, place, 4), 8
        if size == 1:
            size, head = _number(data, place + 8, 8), 16
        end = place + size if size else len(data)
        if end < place + head:
            raise ValueError("a box shorter than its head")
        yield data[place + 4 : place + 8], data[place + head : end]
        place = end


def _number(data: bytes, place: int, size: int) -> int:
    if place + size > len(data):
        raise IndexError("beyond the end")
    return int.from_bytes(data[place : place + size], "big")


def _first_sample(data: bytes, track: bytes) -> bytes:
    for name in _TRACK:
        track = dict(_boxes(track)).get(name, b"")
    tables = dict(_boxes(track))
    sizes, chunks, long_chunks = (tables.get(name, b"") for name in (b"stsz", b"stco", b"co64"))
    size = _number(sizes, 4, 4) or _number(sizes, 12, 4)
    start = _number(chunks, 8, 4) if chunks else _number(long_chunks, 8, 8)
    return data[start : start + size]


def _items(data: bytes, meta: dict[bytes, bytes]) -> Iterator[bytes]:
    """The content of the AV1 items."""
    kinds = _item_kinds(meta.get(b"iinf", b""))
    table = _Table(meta.get(b"iloc", b""))
    version = table.take(4) >> 24
    widths = table.take(2)
    offset_size, length_size, base_size = widths >> 12, widths >> 8 & 15, widths >> 4 & 15
    index_size = widths & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(table.take(wide)):
        item = table.take(wide)
        source = meta.get(b"idat", b"") if version and table.take(2) & 15 == 1 else data
        table.take(2)
        base = table.take(base_size)
        content = b""
        for _ in range(table.take(2)):
            table.take(index_size)
            start, length = base + table.take(offset_size), table.take(length_size)
            if kinds.get(item) == b"av01" and len(content) <= len(data):
                content += source[start : start + length] if length else source[start:]
        yield content


def _item_kinds(infos: bytes) -> dict[int, bytes]:
    kinds = {}
    for _, info in _boxes(infos[6 if infos[:1] == b"\0" else 8 :]):
        wide = 4 if info[:1] == b"\3" else 2
        kinds[_number(info, 4, wide)] = info[6 + wide : 10 + wide]
    return kinds


class _Table:
    """A reader of consecutive big-endian integers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> int:
        self._place += size
        return _number(self._data, self._place - size, size)


def _units(sample: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and content of each OBU."""
    place = 0
    while place < len(sample):
        head = sample[place]
        place += 2 if head & 4 else 1
        size = len(sample) - place
        if head & 2:
            size = 0
            for shift in range(0, 56, 7):
                part = sample[place]
                place += 1
                size |= (part & 127) << shift
                if part < 128:
                    break
        yield head >> 3 & 15, sample[place : place + size]
        place += size


def _frame_size(header: bytes) -> tuple[int, int]:
    bits = _Bits(header)
    bits.take(4)  # profile, still picture
    if bits.take(1):  # reduced header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(across) + 1, bits.take(down) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay = 0
    if bits.take(1):  # timing
        bits.take(64)
        if bits.take(1):
            bits.skip_uvlc()
        if bits.take(1):  # decoder model
            delay = bits.take(5) + 1
            bits.take(42)
    display = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if display and bits.take(1):
            bits.take(4)


class _Bits:
    """A reader of bits, the most significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError("beyond the end")
        return self._value >> self._left & (1 << count) - 1

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self.take(1):
            zeros += 1
        self.take(zeros if zeros < 32 else 0)
