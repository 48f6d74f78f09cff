"""What a visitor drops becomes a folder that can be opened, or a sentence and nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.download import Progress
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.ui.components.drop_zone import received
from resnet_demo.ui.tabs.finetune.class_boxes import Box
from resnet_demo.ui.tabs.finetune.uploads import earlier_folders, from_drop, from_sorted
from tests.data.drawn import contents, flowers, jpeg, write
from tests.data.test_archive import zipped


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return Settings(home=tmp_path / "home")


def silent(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def tell(stages: list[str]) -> Callable[[str], Progress]:
    def begin(stage: str) -> Progress:
        stages.append(stage)
        return silent

    return begin


def uploaded(folder: Path, files: dict[str, bytes]) -> list[dict[str, Any]]:
    """What the page says of uploads, which have names of their own."""
    folder.mkdir(exist_ok=True)
    payload = []
    for number, (name, content) in enumerate(files.items()):
        (folder / str(number)).write_bytes(content)
        payload.append({"rel": name, "file": reference(folder / str(number))})
    return payload


def reference(path: Path) -> dict[str, Any]:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def drop(settings: Settings, tmp_path: Path, files: dict[str, bytes]) -> ImportedFolder:
    return from_drop(settings, tell([]), uploaded(tmp_path / "uploads", files))


def refused(key: str, settings: Settings, tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(AppError) as caught:
        drop(settings, tmp_path, files)
    assert caught.value.message.key == key
    assert earlier_folders(settings.home) == []


def test_a_dropped_folder_gives_its_name(settings: Settings, tmp_path: Path) -> None:
    files = {f"my flowers/{name}": body for name, body in flowers(2).items()}
    imported = drop(settings, tmp_path, {**files, "my flowers/old/backup.zip": b"a stray"})
    assert imported.folder == settings.home / "datasets" / "my flowers"
    assert contents(imported.folder).keys() >= files.keys()
    assert drop(settings, tmp_path, {"a/1.jpg": jpeg(1), "b/2.jpg": jpeg(2)}).folder.name == "photos"


def test_an_archive_on_its_own(settings: Settings, tmp_path: Path) -> None:
    stages: list[str] = []
    payload = uploaded(tmp_path / "uploads", {"Tulips & co.ZIP": zipped(flowers(2))})
    imported = from_drop(settings, tell(stages), payload)
    assert (imported.folder.name, contents(imported.folder), stages) == ("Tulips & co", flowers(2), ["unpacking"])


def test_an_archive_in_pieces_is_put_together_and_not_kept(settings: Settings, tmp_path: Path) -> None:
    packed = zipped(flowers(2))
    paths = []
    for number, start in enumerate(range(0, len(packed), 1_000)):
        paths.append(tmp_path / "uploads" / str(number))
        paths[-1].write_bytes(packed[start : start + 1_000])
    payload = [{"rel": "a.zip", "file": reference(paths[0]), "more": [reference(path) for path in paths[1:]]}]
    assert contents(from_drop(settings, tell([]), payload).folder) == flowers(2)
    assert sorted((tmp_path / "uploads").iterdir()) == sorted(paths)
    paths[1].unlink()
    with pytest.raises(AppError, match=text("file_access.problem.gone")[:20]):
        from_drop(settings, tell([]), payload)


def test_what_cannot_be_taken(settings: Settings, tmp_path: Path) -> None:
    packed = zipped(flowers(1))
    refused("photos.problem.archives", settings, tmp_path, {"a.zip": packed, "b.tgz": packed})
    refused("photos.problem.archives", settings, tmp_path, {"a.zip": packed, "b.jpg": jpeg(1)})
    refused("archive.problem.damaged", settings, tmp_path, {"a.zip": packed[:300]})
    refused("archive.problem.none", settings, tmp_path, {"a.zip": b"no archive" * 100})
    refused("archive.problem.kind", settings, tmp_path, {"a.rar": b"Rar!\x1a\x07\x01\x00"})
    refused("file_names.problem.outside", settings, tmp_path, {"a.zip": zipped({"../evil.jpg": b"x"})})
    refused("photo_import.problem.no_photos", settings, tmp_path, {})


def test_photos_that_were_too_large_to_send_are_told(settings: Settings, tmp_path: Path) -> None:
    payload = uploaded(tmp_path / "uploads", {"a/1.jpg": jpeg(1)})
    imported = from_drop(settings, tell([]), [*payload, {"rel": "a/2.tif"}])
    assert [(problem.file, problem.kind) for problem in imported.problems] == [("a/2.tif", "file_too_large")]
    assert "50 MB" in imported.problems[0].say()


def test_boxes_keep_the_names_of_their_photos(settings: Settings, tmp_path: Path) -> None:
    photos = received(uploaded(tmp_path / "uploads", {"trip/IMG 1.jpg": jpeg(1), "IMG 2.jpg": jpeg(2)}), settings)
    held = (Box(1, "cats", dict(enumerate(photos))), Box(2, ""), Box(3, "<b>", {1: photos[0]}))
    imported = from_sorted(settings, tell([]), held)
    assert sorted(contents(imported.folder)) == ["<b>/IMG 1.jpg", "cats/IMG 1.jpg", "cats/IMG 2.jpg"]
    assert imported.folder.name == "cats, -b-"
    with pytest.raises(AppError, match="cannot be a class"):
        from_sorted(settings, tell([]), (Box(1, "", dict(enumerate(photos))),))


def test_the_newest_folders_first(settings: Settings, tmp_path: Path) -> None:
    for age, name in enumerate(("datasets/new", "samples/middle", "datasets/old", "datasets/.arriving-1")):
        folder = write(settings.home / name, flowers(1))
        os.utime(folder, (1_000_000 - age,) * 2)
    assert [folder.name for folder in earlier_folders(settings.home)] == ["new", "middle", "old"]
