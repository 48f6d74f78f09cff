"""Every file is found, in order; litter is counted, not opened."""

from __future__ import annotations

from pathlib import Path

from resnet_demo.data.files import find_files


def test_folders_are_walked_in_order_and_litter_is_counted(tmp_path: Path) -> None:
    for name in (
        "b/2.jpg",
        "b/10.jpg",
        "a/郁金香.png",
        "a/.DS_Store",
        "__MACOSX/a/1.jpg",
        "Thumbs.db",
        "notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found, litter = find_files([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "notes.txt",
        "a/郁金香.png",
        "b/10.jpg",
        "b/2.jpg",
    ]
    assert litter == 2  # the whole __MACOSX folder is passed over unread


def test_what_was_named_itself_is_kept(tmp_path: Path) -> None:
    hidden = tmp_path / ".photo.jpg"
    hidden.touch()
    assert find_files([hidden, tmp_path / "absent.jpg"]) == ([hidden, tmp_path / "absent.jpg"], 0)


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert find_files([tmp_path]) == ([], 0)
