"""Decompression bombs in every format, some with false sizes in their headers."""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib
from collections.abc import Callable

from PIL import Image

from tests.data.drawn import encoded

# 64 x 64 red pixels by libheif: nothing here can write HEIC.
_HEIC = zlib.decompress(
    base64.b85decode(
        "c-muNV30{GsVvAy%}izhg51nBLl8SRGck>UfiWyMwIq=N0u(b+a*CjAhJwuG5(YG&l$nzcHpIn&fe{FSfUycf1Azn(D`#frrGa@MQBfc#l?lqrC"
        "`&d3G5HEIOLE~#u4NV!6#(h&nFY!DK)M2`%$boHBs2l6NbUo}pT9qTFfi~lCjfOwI56@s{{IhBzzkBs3_^0dm>d#;lG;v;jA$|o6dGBlz4Fvtm&"
        "YW<!vPXH0U|gYl7Q;jT^J7*ZBTLmS|gmCpHq~VoKpc5=4D`O01Am@78j&K{pJA00tJ~BnIHjX4i2Dc4C0vuxv<~^h6qa|6Eh2tsgRqJ2nszB4aW5"
        ">5`QW!UjP3&q5u4W7_B2E769YmN-Y"
    )
)


def png(width: int, height: int, extra: bytes = b"") -> bytes:
    """Black, each row the same; `extra` chunks before the pixels."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * width)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """One of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(width: int, height: int) -> bytes:
    """Grey, in one scan."""
    return encoded(Image.new("L", (width, height), 90), "JPEG")


def gif(width: int, height: int) -> bytes:
    """One colour."""
    return encoded(Image.new("P", (width, height)), "GIF")


def bmp(width: int, height: int) -> bytes:
    """The only format that cannot be small: an eighth of a byte for each pixel."""
    return encoded(Image.new("1", (width, height)), "BMP")


def tiff(width: int, height: int) -> bytes:
    """As a fax is packed."""
    return encoded(Image.new("1", (width, height)), "TIFF", compression="group4")


def webp(width: int, height: int) -> bytes:
    """Lossless, one colour: five codes of one symbol each, and so no bits for any pixel (RFC 9649, 3.4 to 3.7)."""
    fields = [(0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 4), (0, 3)]  # no opacity, transform, cache or groups
    for symbol in (90, 200, 30, 255, 0):  # green, red, blue, opacity, distance
        fields += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    value = place = 0
    for field, bits in fields:
        value, place = value | field << place, place + bits
    body = value.to_bytes((place + 15) // 16 * 2, "little")
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def avif(width: int, height: int) -> bytes:
    """What it says of itself; its coded picture is small."""
    return said_to_be(encoded(Image.new("RGB", (64, 64), (200, 30, 30)), "AVIF"), width, height)


def heif(width: int, height: int) -> bytes:
    """As `avif`."""
    return said_to_be(_HEIC, width, height)


def said_to_be(data: bytes, width: int, height: int) -> bytes:
    """An AVIF or HEIF whose boxes tell another size (ISO/IEC 23008-12, 6.5.3, `ispe`)."""
    return re.sub(rb"(?s)(ispe....)........", lambda found: found[1] + struct.pack(">II", width, height), data)


FORMATS: dict[str, Callable[[int, int], bytes]] = {
    "JPEG": jpeg,
    "PNG": png,
    "WEBP": webp,
    "GIF": gif,
    "BMP": bmp,
    "TIFF": tiff,
    "AVIF": avif,
    "HEIF": heif,
}


def large_tile(side: int, tile: int) -> bytes:
    """A TIFF of `side` x `side` pixels in one tile of `tile` x `tile` (TIFF 6.0, section 15)."""
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(tile)) for _ in range(tile)) + packer.flush()
    entries = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile, 324: 0, 325: len(pixels)}
    entries[324] = 8 + 2 + 12 * len(entries) + 4
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + pixels


def many_scans(side: int, scans: int) -> bytes:
    """A progressive grey JPEG whose last scan comes again and again."""
    data = encoded(Image.new("L", (side, side), 90), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + data[-2:]


def scans_apart(side: int) -> bytes:
    """A JPEG whose layers come one after the other, as libjpeg writes none by itself: each the grey one of its own."""
    grey = encoded(Image.new("L", (side, side), 90), "JPEG", quality=90, optimize=False)
    start = grey.index(b"\xff\xc0")
    head, scan = grey[:start], grey.index(b"\xff\xda")
    size = struct.pack(">HH", side, side)
    frame = b"\xff\xc0\0\x11\x08" + size + b"\x03" + b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    tables, pixels = grey[start + 2 + 11 : scan], grey[scan + 10 : -2]
    bodies = [b"\xff\xda\0\x08\x01" + bytes([number, 0, 0, 63, 0]) + pixels for number in (1, 2, 3)]
    return head + frame + tables + b"".join(bodies) + b"\xff\xd9"


def decoded(data: bytes) -> Image.Image:
    """By Pillow, without our limits."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
