"""Reading picture files of any format: upright 8-bit RGB, or a problem as a sentence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pi_heif
from PIL import ExifTags, Image, ImageFile
from PIL.Image import Transpose

from resnet_demo.data.content_hash import content_hashes
from resnet_demo.data.decoding_budget import BUDGET
from resnet_demo.data.decoding_cost import bytes_to_decode
from resnet_demo.data.decompression_bombs import is_decompression_bomb
from resnet_demo.data.rgb import as_rgb
from resnet_demo.data.truncation import ends_in_header, is_complete
from resnet_demo.settings import Settings
from resnet_demo.texts import DEFAULT_LANGUAGE, Field, text

pi_heif.register_heif_opener()
Image.init()

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")

SUFFIXES = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".heif",
        ".hif",
    )
)
"""Suffixes of picture files, in lower case; used only where the content is not available."""

_OTHER_FORMATS = (
    (0, b"%PDF", "PDF"),
    (0, b"8BPS", "PSD"),
    (0, b"PK\3\4", "ZIP"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
    (4, b"ftyp", "MP4/MOV"),
)
"""Offset, bytes at it, name: formats that people often drop among their photos."""

_HEAD_BYTES = 1024

_PNG_SIGNATURE_BYTES = 8

_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF orientation (EXIF 2.32, 4.6.4) -> the transposition that makes the picture upright; 1 is upright already."""

_SIDEWAYS = {Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90}

_MARGIN = 2
"""A reduced picture's shorter side is at least this many times what the network needs.

Scaling in two steps differs a little from scaling in one. On 60 photos enlarged to 6 to 12 megapixels, with
grain, ResNet-50's probabilities moved by 0.01 on average, 0.08 at most; with 1 by 0.03 and 0.5; 4 saves no time.
"""

_CUT_SHORT = ("truncated", "end of file")
"""What error messages of Pillow, libavif and libheif contain for a truncated file."""


@dataclass(frozen=True)
class Picture:
    """A decoded photo: `image` is 8-bit RGB and upright.

    `size` is (width, height) of the upright original, also where `image` was decoded at reduced scale;
    `file` is the name that `load` was given.
    """

    image: Image.Image
    size: tuple[int, int]
    file: str


@dataclass(frozen=True, slots=True)
class Header:
    """What `inspect` finds out about a picture file.

    `size` is (width, height) of the upright picture. `content` is a hash of the whole file, 128 bits: BLAKE2b of its
    length and its bytes up to 128 KiB, the beginning of its SHA-256 where it is larger. `ends` is the same up to
    128 KiB; of a larger file it is BLAKE2b of the length and the first and last 64 KiB, as in earlier versions.
    """

    format: str
    size: tuple[int, int]
    content: bytes
    ends: bytes


@dataclass(frozen=True)
class Problem:
    """Why a file cannot be read as a picture; returned in place of a result."""

    file: str
    kind: str
    fields: Mapping[str, Field] = field(default_factory=dict)

    def say(self, language: str = DEFAULT_LANGUAGE) -> str:
        """What is wrong and what to do, in a sentence without the file's name."""
        return text(f"images.problem.{self.kind}", language, **self.fields)


class _UnusableError(Exception):
    """Carries a problem's kind and fields up to `load`, and no further."""

    def __init__(self, kind: str, **fields: Field) -> None:
        super().__init__(kind)
        self.kind = kind
        self.fields = fields


def load(
    path: str | os.PathLike[str],
    *,
    needed: int | None = None,
    max_pixels: int = Settings.max_pixels,
    content: bytes | None = None,
) -> Picture | Problem:
    """Read a picture file of any of `FORMATS`, whatever its name says.

    Args:
        path: the file; its name is kept in the result.
        needed: pixels of the shorter side that the network needs. A JPEG several times larger is decoded at
            a half, a quarter or an eighth of its scale, its shorter side staying at least twice as long.
        max_pixels: a larger picture is refused by its header; so is one that would take more memory than
            `decoding_budget.BUDGET` allows for a picture.
        content: as returned by `inspect`; a file with another content is the problem `changed`.

    Thread-safe; threads wait for each other if all pictures being decoded would exceed the budget. Any problem with the
    file is returned as a `Problem`.
    """
    with opened(path, needed=needed, max_pixels=max_pixels, content=content) as found:
        return found


@contextmanager
def opened(
    path: str | os.PathLike[str],
    *,
    needed: int | None = None,
    max_pixels: int = Settings.max_pixels,
    content: bytes | None = None,
) -> Iterator[Picture | Problem]:
    """What `load` gives, its bytes reserved until the block ends: for those who make something smaller of it."""
    file = os.fspath(path)
    with ExitStack() as stack:
        yield _read(file, needed, max_pixels, content, stack)


def _read(file: str, needed: int | None, max_pixels: int, content: bytes | None, stack: ExitStack) -> Picture | Problem:
    try:
        with _open_file(file) as stream:
            if content is not None:
                _check_content(stream, content)
            image = _identify(stream)
            _check_size(image.size, max_pixels)
            _check_for_bomb(image, stream)
            return _decode(image, file, needed, stack)
    except _UnusableError as error:
        return Problem(file, error.kind, error.fields)
    except PermissionError:
        return Problem(file, "not_allowed")
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return Problem(file, "missing")


def inspect(path: str | os.PathLike[str], *, max_pixels: int = Settings.max_pixels) -> Header | Problem:
    """Check a picture file by its header and its end.

    The picture is decoded only if the file does not end as a complete one, or if its format has no end marker (BMP,
    TIFF). Damage in the middle of a file is left to `load`: the bytes there are only hashed.

    Args and safety as for `load`.
    """
    file = os.fspath(path)
    try:
        with _open_file(file) as stream:
            image = _identify(stream)
            _check_size(image.size, max_pixels)
            _check_for_bomb(image, stream)
            width, height = image.size
            size = (height, width) if _turn(image) in _SIDEWAYS else (width, height)
            name = "JPEG" if image.format == "MPO" else str(image.format)
            place = stream.tell()
            (content, ends), whole = content_hashes(stream), is_complete(stream, name)
            if not whole:
                stream.seek(place)
                with ExitStack() as stack:
                    size = _decode(image, file, 1, stack).size
            return Header(name, size, content, ends)
    except _UnusableError as error:
        return Problem(file, error.kind, error.fields)
    except PermissionError:
        return Problem(file, "not_allowed")
    except (OSError, ValueError):
        return Problem(file, "missing")


def content_of(path: str | os.PathLike[str]) -> bytes:
    """The hash of a file's content, as `inspect` returns it; empty if it cannot be read."""
    try:
        with _open_file(os.fspath(path)) as stream:
            return content_hashes(stream)[0]
    except (_UnusableError, OSError, ValueError):
        return b""


def has_content(path: str | os.PathLike[str], content: bytes) -> bool:
    """Whether a file still has the content that `inspect` returned; False if it cannot be read."""
    return content_of(path) == content


def upright_rgb(image: Image.Image) -> Image.Image:
    """The picture in upright 8-bit RGB: rotated by its EXIF orientation, transparency on white.

    Raises:
        OSError, ValueError, ...: whatever Pillow raises where `image` is not decoded yet and cannot be, or
            has colours that it cannot convert.
    """
    image.load()
    return _turned(as_rgb(image), _turn(image))


def _check_content(stream: IO[bytes], content: bytes) -> None:
    if content_hashes(stream)[0] != content:
        raise _UnusableError("changed")
    stream.seek(0)


def _open_file(file: str) -> IO[bytes]:
    status = os.stat(file)  # noqa: PTH116  a third of the time that Path takes
    if stat.S_ISDIR(status.st_mode) and not os.access(file, os.R_OK | os.X_OK):
        raise _UnusableError("closed_folder")
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise _UnusableError("not_a_file")
    if status.st_size == 0:
        raise _UnusableError("empty")
    return Path(file).open("rb")


def _identify(stream: IO[bytes]) -> ImageFile.ImageFile:
    """The picture in `stream`, its header read and no more.

    Asks the formats' own classes, as Image.open does. Image.open itself would also apply Pillow's limit on
    pixels, which is one number for the whole process: ours is per call and leaves other code's alone.
    """
    head = stream.read(_HEAD_BYTES)
    kind = None
    for name in FORMATS:
        factory, accepts = Image.OPEN[name]
        if accepts is None or accepts(head[:16]) is not True:
            continue
        stream.seek(0)
        try:
            image = factory(stream, "")  # without the name: Pillow would map the file, a crash if it shrinks
            if name == "PNG" and "exif" not in image.info:
                image.info.update(_late_exif(stream))
            return image
        except Exception as error:  # each format has its own errors, C libraries' among them
            kind = "truncated" if ends_in_header(stream, name) or _says_cut_short(error) else "unreadable"
    if kind is None:
        raise _not_a_picture(head)
    raise _UnusableError(kind)


def _late_exif(stream: IO[bytes]) -> dict[str, bytes]:
    """The EXIF of a PNG that follows its pixels, as Pillow's `info` holds it; nothing where there is none."""
    place, kind, size = stream.tell(), b"", 0
    stream.seek(_PNG_SIGNATURE_BYTES)
    while kind != b"IEND" and len(start := stream.read(8)) == 8:
        size, kind = int.from_bytes(start[:4], "big"), start[4:]
        if kind == b"eXIf":
            break
        stream.seek(size + 4, os.SEEK_CUR)
    found = {"exif": b"Exif\0\0" + stream.read(size)} if kind == b"eXIf" else {}
    stream.seek(place)
    return found


def _says_cut_short(error: Exception) -> bool:
    return any(words in str(error).lower() for words in _CUT_SHORT)


def _not_a_picture(head: bytes) -> _UnusableError:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in start:
        return _UnusableError("not_a_photo_format", format="SVG")
    for offset, magic, name in _OTHER_FORMATS:
        if head.startswith(magic, offset):
            return _UnusableError("not_a_photo_format", format=name)
    return _UnusableError("not_an_image")


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        limit = max_pixels / 1_000_000
        raise _UnusableError("too_large", width=width, height=height, limit=f"{limit:g}")


def _check_for_bomb(image: ImageFile.ImageFile, stream: IO[bytes]) -> None:
    try:
        larger = is_decompression_bomb(image, stream)
    except Exception as error:  # whatever a file that was made by hand may hold
        raise _UnusableError("truncated" if ends_in_header(stream, str(image.format)) else "unreadable") from error
    if larger:
        raise _UnusableError("unreadable")


def _decode(image: ImageFile.ImageFile, file: str, needed: int | None, stack: ExitStack) -> Picture:
    full = image.size
    try:
        if needed is not None:
            image.draft(None, (_MARGIN * needed, _MARGIN * needed))
        reduced = image.size != full
        cost = bytes_to_decode(image, full, turned=_turn(image) is not None)
        _check_cost(cost, full, image.format)
        stack.enter_context(BUDGET.taken(cost))
        image.load()
        _forget_decoder(image)
        rgb = as_rgb(image)
    except _UnusableError:
        raise
    except Exception as error:  # each format has its own errors, C libraries' among them
        raise _UnusableError("truncated" if _says_cut_short(error) else "unreadable") from error
    turn = _turn(image)  # again: Pillow turns a TIFF by itself, and says so
    width, height = full if reduced else rgb.size
    size = (height, width) if turn in _SIDEWAYS else (width, height)
    if rgb is not image:
        image.close()  # or else its pixels would stay while the others are turned
    return Picture(_turned(rgb, turn), size, file)


def _check_cost(cost: int, size: tuple[int, int], name: str | None) -> None:
    largest = BUDGET.largest
    if largest is not None and cost > largest:
        width, height = size
        limit = width * height * largest / cost / 1_000_000
        raise _UnusableError("too_costly", width=width, height=height, format=name or "", limit=f"{limit:.3g}")


def _forget_decoder(image: ImageFile.ImageFile) -> None:
    """Let go of what libwebp and libavif hold beside the pixels, for frames that nobody will ask for."""
    if hasattr(image, "_decoder"):
        image._decoder = None


def _turn(image: Image.Image) -> Transpose | None:
    try:
        # Not a PNG's own getexif, which would decode it.
        orientation: int = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
        return _TURNS.get(orientation)
    except Exception:  # a broken note on how the camera was held leaves the picture as it is
        return None


def _turned(rgb: Image.Image, turn: Transpose | None) -> Image.Image:
    if turn is None:
        return rgb
    upright = rgb.transpose(turn)
    upright.info.clear()  # its EXIF is no longer true: a second look must not turn it again
    return upright
