"""Every file is found, in order; junk is counted, not opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnet_demo.data import images
from resnet_demo.data.files import Listing, find_files, list_folder


def test_folders_are_walked_in_order_and_junk_is_counted(tmp_path: Path) -> None:
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
    found, junk = find_files([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "notes.txt",
        "a/郁金香.png",
        "b/10.jpg",
        "b/2.jpg",
    ]
    assert junk == 3  # the whole __MACOSX folder counts as one


def test_what_was_named_itself_is_kept(tmp_path: Path) -> None:
    hidden = tmp_path / ".photo.jpg"
    hidden.touch()
    assert find_files([hidden, tmp_path / "absent.jpg"]) == ([hidden, tmp_path / "absent.jpg"], 0)


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert find_files([tmp_path]) == ([], 0)


def test_names_below_a_folder(tmp_path: Path) -> None:
    for name in ("b/c/2.jpg", "b/1.jpg", "a.txt", ".hidden/3.jpg", "b/.DS_Store"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list_folder(tmp_path) == Listing(
        files=["a.txt", "b/1.jpg", "b/c/2.jpg"], closed=[], junk=2, junk_folders={".hidden": 1}
    )


def test_linked_folders_are_walked_once(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "1.jpg").touch()
    walked = tmp_path / "walked"
    walked.mkdir()
    for link, target in (("a", real), ("b", real), ("round", walked), ("broken", tmp_path / "none")):
        (walked / link).symlink_to(target)
    assert list_folder(walked) == Listing(files=["broken", "a/1.jpg"], closed=[], junk=0)


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In `tmp_path`, as an account that permissions hold for: root's would open everything."""
    if os.name == "nt":
        pytest.skip("permissions are others there")
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "1.jpg").touch()
    (tmp_path / "closed").chmod(0)
    root = os.geteuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    yield
    if root:
        os.setresuid(0, 0, 0)
    (tmp_path / "closed").chmod(0o755)


def test_a_closed_folder_is_given_back_and_told(nobody: None) -> None:
    for named in (Path(), Path("closed")):
        assert find_files([named]) == ([Path("closed")], 0)
    assert isinstance(told := images.load("closed"), images.Problem)
    assert told.kind == "closed_folder"


def test_paths_that_cannot_be_looked_at_are_told(nobody: None) -> None:
    paths = [Path("closed/1.jpg"), Path("n" * 5000)]
    assert find_files(paths) == (paths, 0)
    told = [images.load(path) for path in paths]
    assert [problem.kind for problem in told if isinstance(problem, images.Problem)] == ["not_allowed", "missing"]
