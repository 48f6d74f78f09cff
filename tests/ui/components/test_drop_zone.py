"""What a drop zone's payload may hold, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.components.drop_zone import received

META = {"_type": "gradio.FileData"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = tmp_path / "0.jpg"
    path.touch()
    return {"path": str(path), "meta": META}


@pytest.mark.parametrize(
    ("rel", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("flowers/tulips/a.jpg", "flowers/tulips/a.jpg"),
        ("郁金香/一.png", "郁金香/一.png"),
        ("..\\..\\etc\\passwd", "etc/passwd"),
        ("/../a/./.. /b.jpg", "a/b.jpg"),
        ("a\0\n\u202eb.jpg", "ab.jpg"),
        ("<b>.jpg", "<b>.jpg"),
        ("..", "?"),
        ("", "?"),
        (None, "0.jpg"),
        (3, "0.jpg"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_names(file: dict[str, Any], rel: Any, name: str) -> None:
    [photo] = received([{"rel": rel, "file": file}], Settings())
    assert photo.name == name
    assert photo.path == Path(file["path"]).resolve()


def test_too_large_to_send(file: dict[str, Any]) -> None:
    photos = received([{"rel": "a.tif"}, {"rel": "b.jpg", "file": file}], Settings())
    assert [(photo.name, photo.path is None) for photo in photos] == [("a.tif", True), ("b.jpg", False)]


@pytest.mark.parametrize("payload", [None, "a", {}, ["a"], [None]])
def test_wrong_shape(payload: object) -> None:
    with pytest.raises(AppError, match="not a list of photos"):
        received(payload, Settings(max_photos=2))


def test_too_many() -> None:
    with pytest.raises(AppError, match=r"3 photos.* at most 2 "):
        received([{"rel": "a"}] * 3, Settings(max_photos=2))


@pytest.mark.parametrize("reference", [None, {}, "/etc/passwd", {"path": "/etc/passwd", "meta": META}])
def test_foreign_file(file: dict[str, Any], reference: object) -> None:
    with pytest.raises(AppError, match="not a file that was uploaded"):
        received([{"rel": "a", "file": reference}], Settings())


def test_an_archives_pieces(file: dict[str, Any]) -> None:
    [archive] = received([{"rel": "a.zip", "file": file, "more": [file, file]}], Settings(), archives=True)
    assert (archive.name, len(archive.more)) == ("a.zip", 2)
    for more, said in (
        ("a", "not a list of photos"),
        (["/etc/passwd"], "not a file that was uploaded"),
        ([{"path": "/etc/passwd", "meta": META}], "not a file that was uploaded"),
    ):
        with pytest.raises(AppError, match=said):
            received([{"rel": "a.zip", "file": file, "more": more}], Settings(), archives=True)


def test_a_data_set_may_have_more_photos() -> None:
    settings = Settings(max_photos=2, max_dataset_photos=3)
    assert len(received([{"rel": "a"}] * 3, settings, archives=True)) == 3
    with pytest.raises(AppError, match=r"4 photos.* at most 3 "):
        received([{"rel": "a"}] * 4, settings, archives=True)
