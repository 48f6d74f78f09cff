"""Archives are unpacked whole or refused in words, whoever made them, and nothing is written outside their folder."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import shutil
import struct
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.data import archive_members
from resnet_demo.data.archive import Unpacked, unpack
from resnet_demo.data.images import Problem
from resnet_demo.data.upload_quota import folder_bytes
from resnet_demo.texts import LANGUAGES, AppError
from tests.data.drawn import contents, flowers, jpeg

FILES = {"tulips/a b.jpg": jpeg(1), "郁金香/花.jpg": jpeg(2), "<script>/x.jpg": jpeg(3), "notes.txt": b"n" * 100_000}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w", **options: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def tarred_with_links(files: dict[str, bytes], links: dict[str, str]) -> bytes:
    """A tar of files, and then of hard links to them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.LNKTYPE, target
            file.addfile(entry)
    return buffer.getvalue()


def tar_entry(name: str, kind: bytes, target: str = "") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry.tobuf() + bytes(1024)


KINDS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "zip, stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "tar": tarred,
    "tar of GNU": lambda files: tarred(files, format=tarfile.GNU_FORMAT),
    "tar.gz": lambda files: tarred(files, "w:gz"),
    "tar.bz2": lambda files: tarred(files, "w:bz2"),
    "tar.xz": lambda files: tarred(files, "w:xz"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "inner" / "unpacked"
    folder.mkdir(parents=True)
    return folder


def unpacked(place: Path, data: bytes, max_bytes: int = 10**9) -> Unpacked:
    path = place.parent.parent / "archive"
    path.write_bytes(data)
    return unpack(path, place, max_bytes=max_bytes)


def refused(place: Path, data: bytes, key: str, max_bytes: int = 10**9) -> AppError:
    """The refusal's key, its sentence in every language, and nothing outside of the folder."""
    with pytest.raises(AppError) as caught:
        unpacked(place, data, max_bytes)
    assert caught.value.message.key == key
    assert all(caught.value.say(language) for language in LANGUAGES)
    assert_nothing_outside(place)
    return caught.value


def assert_nothing_outside(place: Path) -> None:
    top = place.parent.parent
    assert {path.name for path in top.iterdir()} == {"inner", "archive"}
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_unpacked(place: Path, kind: str) -> None:
    junk = {"__MACOSX/tulips/._a b.jpg": b"x", "tulips/.DS_Store": b"y"}
    blocks = sum(-(-len(content) // 4096) for content in FILES.values()) + len({"tulips", "郁金香", "<script>"})
    assert unpacked(place, KINDS[kind]({**FILES, **junk})) == Unpacked(files=4, ignored=2, taken=4096 * blocks)
    assert contents(place) == FILES


def test_progress_is_told_and_can_end_the_work(place: Path) -> None:
    path = place.parent.parent / "archive"
    path.write_bytes(tarred(flowers(20), "w:gz"))
    told: list[tuple[int, int | None]] = []
    unpack(path, place, progress=lambda done, total: told.append((done, total)))
    size = path.stat().st_size
    assert told == sorted(told)
    assert {total for _, total in told} == {size}
    assert told[-1][0] > 0.5 * size

    def stop(_done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(path, place.parent, progress=stop)


HOSTILE_NAMES = {
    "../evil.jpg": "outside",
    "a/../../evil.jpg": "outside",
    "..\\evil.jpg": "outside",
    "/evil.jpg": "outside",
    "//server/share/evil.jpg": "outside",
    "C:\\evil.jpg": "outside",
    "C:evil.jpg": "outside",
    "a/.. /evil.jpg": "outside",
    "a/.../evil.jpg": "outside",
    "a/e\x1b[31mvil.jpg": "characters",
    "a/e\nvil.jpg": "characters",
    "n" * 256 + ".jpg": "long",
    "n/" * 40 + "a.jpg": "long",
}


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=repr)
def test_names_that_lead_astray(place: Path, kind: str, name: str) -> None:
    refused(place, KINDS[kind]({"good/1.jpg": b"1", name: b"2"}), f"file_names.problem.{HOSTILE_NAMES[name]}")


def test_a_zero_byte_does_not_hide_the_end_of_a_name(place: Path) -> None:
    data = zipped({"a.jpgX../../evil.jpg": b"1"}).replace(b"a.jpgX", b"a.jpg\0")
    refused(place, data, "file_names.problem.outside")


def test_a_folder_that_leads_astray(place: Path) -> None:
    refused(place, zipped({"../evil/": b""}), "file_names.problem.outside")
    refused(place, tar_entry("../evil", tarfile.DIRTYPE), "file_names.problem.outside")


COLLISIONS = {
    "case": ("a/X.jpg", "a/x.jpg"),
    "case of folders": ("Tulips/1.jpg", "tulips/2.jpg"),
    "accents": ("caf\u00e9.jpg", "cafe\u0301.jpg"),
    "twice": ("a.jpg", "./a.jpg"),
    "file and folder": ("a", "a/b.jpg"),
    "folder and file": ("a/b.jpg", "A"),
}


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("pair", COLLISIONS)
def test_names_that_some_disk_takes_for_one_another(place: Path, kind: str, pair: str) -> None:
    first, second = COLLISIONS[pair]
    refused(place, KINDS[kind]({first: b"1", second: b"2"}), "file_names.problem.collision")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_in_a_tar(place: Path, kind: bytes) -> None:
    refused(place, tar_entry("tulips", kind, "/etc"), "archive.problem.special")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../archive", "tulips", "later.jpg", "link.jpg", ".hidden.jpg", "\0"]
)
def test_links_in_a_tar_are_left_out_and_named(place: Path, kind: bytes, target: str) -> None:
    """Where what they lead to is no file that was unpacked before; the other files are unpacked."""
    data = tar_entry("link.jpg", kind, target)[:-1024] + tarred({"link.jpg/a.jpg": b"1", "later.jpg": b"22"})
    done = unpacked(place, data)
    assert done.left_out == (Problem("link.jpg", "archived_link"),)
    assert contents(place) == {"link.jpg/a.jpg": b"1", "later.jpg": b"22"}
    assert not (place / "link.jpg").is_symlink()
    assert_nothing_outside(place)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_hard_link_in_a_tar_becomes_a_copy(place: Path, pack: Callable[[bytes], bytes]) -> None:
    files = {"train/tulips/a.jpg": jpeg(1), "b.jpg": jpeg(2)}
    done = unpacked(place, pack(tarred_with_links(files, {"test/tulips/c.jpg": "train/tulips/a.jpg"})))
    assert contents(place) == {**files, "test/tulips/c.jpg": files["train/tulips/a.jpg"]}
    assert (done.files, done.left_out) == (3, ())
    paths = [place / "train/tulips/a.jpg", place / "test/tulips/c.jpg"]
    assert paths[0].stat().st_ino != paths[1].stat().st_ino


def test_hard_links_are_counted_as_what_they_become(place: Path) -> None:
    data = tarred_with_links({"a.jpg": bytes(10_000)}, {f"{number}.jpg": "a.jpg" for number in range(99)})
    refused(place, data, "archive.problem.too_large", max_bytes=500_000)


def test_archives_inside_an_archive_are_named(place: Path) -> None:
    inner = zipped({"a.jpg": jpeg(1)})
    done = unpacked(place, zipped({"tulips/a.jpg": b"1", "more.ZIP": inner, "x/old.tar.gz": b"2", "y.rar": b"3"}))
    kinds = {problem.file: problem.kind for problem in done.left_out}
    assert kinds == dict.fromkeys(("more.ZIP", "x/old.tar.gz", "y.rar"), "inner_archive")
    assert contents(place) == {"tulips/a.jpg": b"1"}
    assert all(problem.say(language) for problem in done.left_out for language in LANGUAGES)


def test_holes_in_a_tar(place: Path) -> None:
    entry = tarfile.TarInfo("a.jpg")
    entry.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "a.jpg"}
    entry.pax_headers |= {"GNU.sparse.size": "1000000000000", "GNU.sparse.map": "0,0"}
    refused(place, entry.tobuf(tarfile.PAX_FORMAT) + bytes(1024), "archive.problem.special")


def test_links_in_a_zip_are_left_out_and_named(place: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        link = zipfile.ZipInfo("tulips")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc")
        file.writestr("tulips/a.jpg", b"1")
    done = unpacked(place, buffer.getvalue())
    assert done.left_out == (Problem("tulips", "archived_link"),)
    assert contents(place) == {"tulips/a.jpg": b"1"}


def test_devices_in_a_zip(place: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        device = zipfile.ZipInfo("tulips")
        device.external_attr = 0o020666 << 16
        file.writestr(device, b"")
    refused(place, buffer.getvalue(), "archive.problem.special")


def test_encrypted_and_oddly_packed_members(place: Path) -> None:
    plain = bytearray(zipped({"a.jpg": b"1"}))
    plain[6] |= 1
    plain[plain.index(b"PK\1\2") + 8] |= 1
    refused(place, bytes(plain), "archive.problem.encrypted")
    refused(place, zipped({"a.jpg": b"1" * 99}, zipfile.ZIP_BZIP2), "archive.problem.method")


def test_a_dictionary_larger_than_any_archive_needs(place: Path) -> None:
    """Decoding would take the 3 GiB that the block's header asks for."""
    data = bytearray(tarred({"a.jpg": b"1"}, "w:xz"))
    end = 12 + 4 * (data[12] + 1)
    data[data.index(b"\x21\x01") + 2] = 39
    struct.pack_into("<L", data, end - 4, zlib.crc32(data[12 : end - 4]))
    refused(place, bytes(data), "archive.problem.damaged")


def test_an_xz_of_several_streams(place: Path) -> None:
    whole = tarred(FILES)
    parts = [lzma.compress(whole[:1000]), bytes(8), lzma.compress(whole[1000:5000]), lzma.compress(whole[5000:])]
    assert unpacked(place, b"".join(parts) + bytes(4)).files == len(FILES)
    assert contents(place) == FILES


@pytest.mark.parametrize("name", ["tulips/a.jpg\\", "tulips/"])
def test_a_folder_with_content(place: Path, name: str) -> None:
    assert unpacked(place, zipped({name: b""})).files == 0
    refused(place, zipped({"tulips/b.jpg": b"1", name: b"22"}), "archive.problem.damaged")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_refused_before_it_fills_anything(place: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "USUAL_BYTES", 10_000_000)
    data = KINDS[kind]({"a.jpg": bytes(30_000_000)})
    tracemalloc.start()
    refused(place, data, "archive.problem.bomb")
    assert tracemalloc.get_traced_memory()[1] < 15_000_000  # bzip2 and xz need some themselves
    tracemalloc.stop()
    assert sum(map(len, contents(place).values())) == 0


def test_a_zip_that_lies_about_its_sizes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundred members over the same bytes, each said to be small."""
    monkeypatch.setattr(archive_members, "USUAL_BYTES", 1_000_000)
    content = bytes(5_000_000)
    data = bytearray(zipped({"a.jpg": content}))
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", data, data.index(mark) + offset, 1_000)
    refused(place, bytes(data), "archive.problem.damaged")
    assert sum(map(len, contents(place).values())) <= 1_000


def test_members_over_the_same_bytes_are_counted_each(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python before 3.11.8 has no check of its own against overlapping members (Fifield, 2019)."""
    monkeypatch.setattr(archive_members, "USUAL_BYTES", 1_000_000)
    data = zipped({"0.jpg": bytes(40_000)})
    start = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entries = [data[start:end].replace(b"0.jpg", b"%d.jpg" % number) for number in range(10)]
    directory = b"".join(entries * 4)
    tail = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 40, 40, len(directory), start, 0)
    with pytest.raises(AppError) as caught:
        unpacked(place, data[:start] + directory + tail)
    assert caught.value.message.key in {"archive.problem.bomb", "archive.problem.damaged"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_tiny_files_fill_no_more_of_the_disk_than_there_is_room_for(place: Path, kind: str) -> None:
    """Their bytes would fit a hundred times; what they take of the disk does not."""
    files = {f"{number % 5}/{number}.jpg": b"x" * 40 for number in range(300)}
    room = 4096 * (300 + 5)
    error = refused(place, KINDS[kind](files), "archive.problem.too_large", room - 1)
    assert room - 2 * 4096 <= folder_bytes(place) - 4096 <= room
    assert "1 MB" in error.say()
    shutil.rmtree(place)
    place.mkdir()
    assert unpacked(place, KINDS[kind](files), room).taken == room


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_more_than_may_be_kept(place: Path, kind: str) -> None:
    error = refused(place, KINDS[kind]({"a.jpg": random.randbytes(3_000_000)}), "archive.problem.too_large", 2_000_000)
    assert error.message.fields == {"megabytes": 2}


def entries_only(count: int) -> bytes:
    """A zip whose directory has `count` entries of one stored, empty file each."""
    local = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0)
    directory = b"".join(entry + b"%07d" % number for number in range(count))
    end64 = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(local))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(local) + len(directory), 1)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + directory + end64 + locator + end


def test_too_many_entries_in_a_zip(place: Path) -> None:
    """It is refused before its entries are parsed, which takes much longer."""
    data = entries_only(archive_members.MAX_ENTRIES + 1)
    began = time.process_time()
    refused(place, data, "archive.problem.entries")
    refusing = time.process_time() - began
    with zipfile.ZipFile(io.BytesIO(data)) as parsed:
        assert len(parsed.infolist()) == archive_members.MAX_ENTRIES + 1
    assert refusing < (time.process_time() - began - refusing) / 2


def test_a_directory_that_claims_to_be_huge(place: Path) -> None:
    data = zipped({"a.jpg": bytes(archive_members.MAX_ENTRIES * 401)}, zipfile.ZIP_STORED)
    end = data.index(b"PK\5\6")
    size, offset = struct.unpack_from("<LL", data, end + 12)
    lying = bytearray(data)
    struct.pack_into("<LL", lying, end + 12, size + offset, 0)
    refused(place, bytes(lying), "archive.problem.entries")


@pytest.mark.slow
def test_a_million_entries_in_a_tar(place: Path) -> None:
    some = b"".join(tar_entry(str(number), tarfile.DIRTYPE)[: tarfile.BLOCKSIZE] for number in range(10_000))
    refused(place, gzip.compress(some, 1) * 100, "archive.problem.entries")


def test_a_header_that_claims_to_be_huge(place: Path) -> None:
    """A bomb in the note of a name: it would be read at once."""
    note = tarfile.TarInfo("././@PaxHeader")
    note.type, note.size = tarfile.XHDTYPE, 10**9
    data = gzip.compress(note.tobuf() + bytes(10_000_000), 1)
    tracemalloc.start()
    refused(place, data, "archive.problem.none")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_size_below_zero(place: Path) -> None:
    """It once kept Python's tarfile in a circle (CVE-2025-8194)."""
    entry = tarfile.TarInfo("a.jpg")
    entry.size = -512
    data = entry.tobuf(tarfile.GNU_FORMAT) + tarred({"b.jpg": b"1"})
    with pytest.raises(AppError):
        unpacked(place, data)
    assert_nothing_outside(place)


@pytest.mark.parametrize(("start", "kind"), [(b"Rar!\x1a\7", "RAR"), (b"7z\xbc\xaf\x27\x1c", "7z")])
def test_other_kinds_are_named(place: Path, start: bytes, kind: str) -> None:
    assert refused(place, start + bytes(100), "archive.problem.kind").message.fields == {"kind": kind}


@pytest.mark.parametrize(
    "data", [b"", b"hello", jpeg(1), gzip.compress(b"hello" * 999, mtime=0), random.Random(0).randbytes(9_999)]
)
def test_what_is_no_archive(place: Path, data: bytes) -> None:
    refused(place, data, "archive.problem.none")


def test_a_tar_cut_short_is_told(place: Path) -> None:
    """Also between two members, and at a damaged header: Python's tarfile takes both for the end."""
    data = tarred({"a.jpg": bytes(512), "b.jpg": bytes(512)})
    for cut in (1024, 1024 + 100, 2048 - 100):
        refused(place, data[:cut], "archive.problem.damaged")
        (place / "a.jpg").unlink()
    header = bytearray(data)
    header[1024 + 20] ^= 1
    refused(place, bytes(header), "archive.problem.damaged")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_cut_short_archive_is_told(place: Path, kind: str) -> None:
    data = KINDS[kind](flowers(20))
    refused(place, data[: len(data) // 2], "archive.problem.damaged")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("郁金香/花 1.jpg".encode("gbk"), "郁金香/花 1.jpg"),
        ("郁金香/花 1.jpg".encode(), "郁金香/花 1.jpg"),
        ("Blüten/Märchen.jpg".encode("cp437"), "Blüten/Märchen.jpg"),
        ("été/niño.jpg".encode("cp437"), "été/niño.jpg"),
        ("玫瑰/朱镕基.jpg".encode("gbk"), "玫瑰/朱镕基.jpg"),
    ],
)
def test_names_whose_encoding_nobody_told(place: Path, raw: bytes, name: str) -> None:
    placeholder = "x" * len(raw)
    unpacked(place, zipped({placeholder: b"1"}).replace(placeholder.encode(), raw))
    assert contents(place) == {name: b"1"}


CLASSES = {
    "gbk": ("GBK", ("玫瑰", "向日葵")),
    "big5": ("Big5", ("繁體", "向日葵", "鬱金香")),
    "cp932": ("Shift-JIS", ("ひまわり", "薔薇")),
    "cp949": ("EUC-KR (CP949)", ("한국어", "해바라기")),
    "cp866": ("CP866", ("кошка", "собака")),
    "cp437": ("CP437", ("café", "naïve")),
    "cp1252": ("CP1252", ("café", "naïve", "crème brûlée")),
    "utf-8": ("", ("玫瑰", "ひまわり", "кошка", "café")),
}


def renamed(data: bytes, names: dict[str, bytes]) -> bytes:
    """An archive whose names of the same length in ASCII are replaced, checksums of a tar's headers too."""
    for name, raw in names.items():
        data = data.replace(name.encode(), raw)
    return data


def zip_with_raw_names(names: Sequence[bytes]) -> bytes:
    placeholders = {f"{number:x}".rjust(len(raw), "_"): raw for number, raw in enumerate(names)}
    return renamed(zipped(dict.fromkeys(placeholders, b"1")), placeholders)


def tar_with_raw_names(names: Sequence[bytes]) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = {"format": tarfile.GNU_FORMAT, "encoding": "utf-8", "errors": "surrogateescape"}
    with tarfile.open(fileobj=buffer, mode="w:gz", **options) as file:
        for raw in names:
            entry = tarfile.TarInfo(raw.decode("utf-8", "surrogateescape"))
            entry.size = 1
            file.addfile(entry, io.BytesIO(b"1"))
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [zip_with_raw_names, tar_with_raw_names])
@pytest.mark.parametrize("encoding", CLASSES)
def test_the_names_of_one_archive_are_decoded_together(
    place: Path, encoding: str, pack: Callable[[Sequence[bytes]], bytes]
) -> None:
    title, classes = CLASSES[encoding]
    names = [f"photos/{name}/{number}.jpg" for name in classes for number in range(2)]
    done = unpacked(place, pack([name.encode(encoding) for name in names]))
    assert sorted(contents(place)) == sorted(names)
    if not title:
        assert done.note is None
    else:
        assert done.note is not None
        assert done.note.fields == {"encoding": title, "names": ", ".join(classes)}


def test_what_an_archive_says_of_a_name_is_believed(place: Path) -> None:
    """The flag for UTF-8, Info-ZIP's field, and a tar's extended header, beside names in GBK."""
    raw, told = b"?", "雏菊/1.jpg"
    extra = struct.pack("<HHBL", 0x7075, 5 + len(told.encode()), 1, zlib.crc32(raw)) + told.encode()
    placeholders = {"_" * 10: "玫瑰/1.jpg".encode("gbk"), "+" * 12: "向日葵/1.jpg".encode("gbk")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for placeholder in placeholders:
            file.writestr(placeholder, b"1")
        file.writestr("café/1.jpg", b"1")
        by_field = zipfile.ZipInfo("?")
        by_field.extra = extra
        file.writestr(by_field, b"1")
    unpacked(place, renamed(buffer.getvalue(), placeholders))
    assert set(contents(place)) == {"玫瑰/1.jpg", "向日葵/1.jpg", "café/1.jpg", told}


def test_names_with_backslashes_are_folders(place: Path) -> None:
    unpacked(place, zipped({"tulips\\a.jpg": b"1"}))
    assert contents(place) == {"tulips/a.jpg": b"1"}


def mutated(data: bytes, choice: random.Random) -> bytes:
    """A few bytes changed, removed, doubled or overwritten by numbers that hurt."""
    changed = bytearray(data)
    for _ in range(choice.randint(1, 6)):
        at = choice.randrange(len(changed) or 1)
        match choice.randrange(5):
            case 0:
                changed[at : at + 1] = choice.randbytes(1)
            case 1:
                del changed[at : at + choice.randint(1, 40)]
            case 2:
                changed[at:at] = changed[at : at + choice.randint(1, 40)]
            case 3:
                value = choice.choice([b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\x80", b"../../", b"PK\1\2", b"\xff\x7f"])
                changed[at : at + len(value)] = value
            case 4:
                del changed[at:]
                changed += b"\0"
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_archives_end_in_success_or_a_sentence(place: Path, kind: str) -> None:
    """Seeded, 150 mutations a kind; for packed tars, of the tar and of its packing."""
    choice = random.Random(f"fuzz {kind}")
    small = {name: content[:600] for name, content in FILES.items()}
    data, inner = KINDS[kind](small), tarred(small)
    refusals = 0
    for number in range(150):
        hurt = (
            gzip.compress(mutated(inner, choice), 1, mtime=0)
            if kind == "tar.gz" and number % 2
            else mutated(data, choice)
        )
        try:
            unpacked(place, hurt, 10**7)
        except AppError:
            refusals += 1
        assert_nothing_outside(place)
        shutil.rmtree(place)
        place.mkdir()
    assert refusals > 20


def test_a_deflated_member_with_garbage_inside(place: Path) -> None:
    data = bytearray(zipped({"a.jpg": bytes(10_000)}))
    start = 30 + len("a.jpg")
    data[start : start + 4] = zlib.compress(b"x")[:4]
    refused(place, bytes(data), "archive.problem.damaged")
