"""Tables from anywhere: any encoding and separator, and nothing in them can do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_demo.data import label_tables
from resnet_demo.data.label_tables import read_label_tables, read_rows

PHOTOS = [f"images/{name}.jpg" for name in ("a1", "a2", "b1", "b2")]
ROWS = "file;Klasse\na1.jpg;Gänseblümchen\na2.jpg;Gänseblümchen\nb1.jpg;Rose\nb2.jpg;Rose\n"


def labels(tmp_path: Path, content: bytes, name: str = "labels.csv") -> dict[str, str] | None:
    (tmp_path / name).write_bytes(content)
    found = read_label_tables(tmp_path, [name], PHOTOS, {})
    return None if found is None else {path: one.label for path, one in found.labels.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    found = labels(tmp_path, ROWS.replace(";", separator).encode(encoding))
    assert found is not None
    assert set(found) == set(PHOTOS)
    assert sorted(set(found.values())) == ["Gänseblümchen", "Rose"]


@pytest.mark.parametrize(
    "cell", ["{}.jpg", "{}", "images/{}.jpg", "./images/{}.jpg", "C:\\photos\\images\\{}.jpg", "/home/me/{}.JPG"]
)
def test_ways_to_name_a_photo(tmp_path: Path, cell: str) -> None:
    rows = "".join(f"{cell.format(name)},{name[0]}\n" for name in ("a1", "a2", "b1", "b2"))
    assert labels(tmp_path, rows.encode()) == {path: path.partition("/")[2][0] for path in PHOTOS}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        b"\xff\xfe\0",
        b"\n\n\n",
        b"a1.jpg",
        b'"' + b"x" * 200_000,
        b"a1.jpg," * 5000,
        b"file,width\na1,1\na2,2\nb1,3\nb2,4\n",
        b"file,state\n" + b"".join(b"%s,ok\n" % name for name in (b"a1", b"a2", b"b1") * 4) + b"b2,odd\n",
        b"file,label\nz1,a\nz2,a\nz3,b\nz4,b\n",
    ],
    ids=[
        "empty",
        "zeros",
        "half a letter",
        "blank",
        "one cell",
        "an open quote",
        "wide",
        "no classes",
        "a class of one",
        "other photos",
    ],
)
def test_what_is_no_table_of_labels(tmp_path: Path, content: bytes) -> None:
    assert labels(tmp_path, content) is None


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert labels(tmp_path, ROWS.encode()) is not None
    monkeypatch.setattr(label_tables, "MOST_BYTES", 50)
    assert read_rows(tmp_path / "labels.csv") == []
    assert labels(tmp_path, ROWS.encode()) is None


def test_a_photo_with_two_labels_has_none(tmp_path: Path) -> None:
    found = labels(tmp_path, b"file,label\na1,a\na1,b\na2,a\nb1,b\nb2,b\n")
    assert found == {"images/a2.jpg": "a", "images/b1.jpg": "b", "images/b2.jpg": "b"}


def test_control_characters_do_not_become_labels(tmp_path: Path) -> None:
    found = labels(tmp_path, b"a1,\x1b[2Jx\na2,\x1b[2Jx\nb1,y\nb2,y\n")
    assert found is not None
    assert "\x1b" not in "".join(found.values())
