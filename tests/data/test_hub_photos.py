"""Data sets of the Hub, against a Hub on loopback: photos in folders, archives, and what is refused in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from resnet_demo.data.photo_import import from_archive
from resnet_demo.settings import Settings
from tests.data.drawn import contents, flowers, jpeg
from tests.data.test_archive import tarred, zipped
from tests.data.test_parquet import packed
from tests.loopback import Answer, Loopback, loopback

REPO = "owner/flowers"
NAME = "owner--flowers"

# The Hub's client reads its variables when it is imported, so each of these is a process of its own.
CLIENT = """
import json, sys
from dataclasses import replace
from pathlib import Path
from resnet_demo.data.hub_photos import from_hub
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
steps = []
settings = Settings(home=Path(sys.argv[1]), **json.loads(sys.argv[3]))
try:
    imported = from_hub(sys.argv[2], settings, lambda *step: steps.append(step))
    print(json.dumps([str(imported.folder), imported.ignored, steps]))
except AppError as error:
    print(json.dumps([error.message.key, error.say("zh-CN"), steps]))
"""


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


def serve(server: Loopback, files: Mapping[str, bytes], commit: str = "c0ffee" * 6 + "abcd") -> str:
    """Be a Hub that has one data set; returns the commit."""
    siblings = [{"rfilename": name, "size": len(body)} for name, body in files.items()]
    about = {"id": REPO, "sha": commit, "private": False, "tags": [], "siblings": siblings}
    for path in (f"/api/datasets/{REPO}", f"/api/datasets/{REPO}/revision/v1"):
        server.serve(f"{path}?blobs=true", Answer(json.dumps(about).encode()))
    for name, body in files.items():
        headers = {"X-Repo-Commit": commit}
        server.serve(f"/datasets/{REPO}/resolve/{commit}/{quote(name)}", Answer(body, headers=headers))
    return commit


def ask(url: str, home: Path, name: str = REPO, *, script: str = CLIENT, **options: object) -> Any:
    """What a fresh process gets: folder, count of junk and progress, or an error's key and sentence."""
    environ = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(home / "hf")}
    command = [sys.executable, "-c", script, str(home), name, json.dumps(options)]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""  # no bars of the client's own
    return json.loads(done.stdout)


def test_photos_in_folders_are_fetched_once(server: Loopback, tmp_path: Path) -> None:
    photos = {**flowers(2, ("train/tulips", "test/tulips")), "train/郁金香 1/a [b].JPG": jpeg(9)}
    others = {".gitattributes": b"x", "README.md": b"y", "cover.jpg": jpeg(8), "data/table.parquet": b"z"}
    commit = serve(server, {**photos, **others})
    folder, ignored, steps = ask(server.url, tmp_path)
    assert (Path(folder), ignored) == (tmp_path / "hub" / f"{NAME}-{commit[:8]}", 0)
    assert contents(Path(folder)) == photos
    assert steps == [[done, 5] for done in range(1, 6)]
    asked = len(server.asked("GET"))
    assert ask(server.url, tmp_path, f"{REPO}@v1") == [folder, 0, []]
    assert len(server.asked("GET")) == asked + 1


def test_strangers_get_what_everybody_gets(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked for in the name of whoever runs the page, and no copy stays in the client's cache."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    serve(server, flowers(1))
    folder, _, _ = ask(server.url, tmp_path, public=True)
    assert contents(Path(folder)) == flowers(1)
    assert list((tmp_path / "strangers" / "hub").iterdir()) == [Path(folder)]
    assert not list((tmp_path / "hf").rglob("*.jpg"))
    assert server.asked()
    assert not any("hf_secret" in str(request.headers) for request in server.asked())


def test_no_upload_takes_the_place_of_the_hubs_photos(server: Loopback, tmp_path: Path) -> None:
    commit = serve(server, flowers(2))
    archive = tmp_path / "upload.zip"
    archive.write_bytes(zipped({"tulips/other.jpg": jpeg(9)}))
    from_archive(archive, Settings(home=tmp_path, public=True), f"{NAME}-{commit[:8]}.zip")
    assert contents(Path(ask(server.url, tmp_path, public=True)[0])) == flowers(2)


# Two visitors ask for the same; one of them closes the page while the photos are looked through.
TWO_VISITORS = """
import json, sys
from pathlib import Path
from resnet_demo.settings import Settings
from resnet_demo.ui import page
demo = page.build(Settings(home=Path(sys.argv[1]), public=True))
bring = next(function.fn for function in demo.fns.values() if function.api_name == "photos_hub")
one, other = (bring("en", None, None, sys.argv[2]) for _ in range(2))
next(one)
next(other)
one.close()
*_, shown = other
print(json.dumps(next(value for component, value in shown.items() if type(component).__name__ == "State")))
"""


def test_who_leaves_does_not_take_the_photos_of_another(server: Loopback, tmp_path: Path) -> None:
    serve(server, flowers(2))
    assert contents(Path(ask(server.url, tmp_path, script=TWO_VISITORS))) == flowers(2)


def test_a_new_commit_is_another_data_set(server: Loopback, tmp_path: Path) -> None:
    serve(server, flowers(1))
    first = ask(server.url, tmp_path)[0]
    serve(server, flowers(2), commit="d" * 40)
    second = ask(server.url, tmp_path)[0]
    assert (contents(Path(first)), contents(Path(second))) == (flowers(1), flowers(2))


def test_archives_are_unpacked_into_folders_of_their_names(server: Loopback, tmp_path: Path) -> None:
    packed = {
        "data/train.zip": zipped({**flowers(2), "__MACOSX/x": b""}),
        "data/test.tar.gz": tarred(flowers(1), "w:gz"),
    }
    serve(server, {**packed, "README.md": b"x"})
    folder, ignored, _ = ask(server.url, tmp_path)
    assert ignored == 1
    expected = {f"data/train/{name}": body for name, body in flowers(2).items()}
    assert contents(Path(folder)) == expected | {f"data/test/{name}": body for name, body in flowers(1).items()}


def test_tables_are_laid_into_folders_of_their_classes(server: Loopback, tmp_path: Path) -> None:
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["roses", "tulips"]}}
    rows = {"train": [(1, 0), (2, 1), (3, 1)], "test": [(4, 1), (5, -1)]}
    files = {
        f"data/{part}-00000-of-00001.parquet": packed(
            {"image": [{"bytes": jpeg(photo), "path": f"{photo}.jpg"} for photo, _ in of], "label": [k for _, k in of]},
            features,
        )
        for part, of in rows.items()
    }
    serve(server, {**files, "README.md": b"x", "cover.jpg": jpeg(8)})
    folder, ignored, steps = ask(server.url, tmp_path)
    assert (ignored, steps) == (1, [[1, 2], [2, 2]])
    assert contents(Path(folder)) == {
        "train/roses/1.jpg": jpeg(1),
        "train/tulips/2.jpg": jpeg(2),
        "train/tulips/3.jpg": jpeg(3),
        "test/tulips/4.jpg": jpeg(4),
    }


REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "a damaged table": ({"data/train-00000.parquet": b"x", "README.md": b"y"}, "parquet.problem.damaged"),
    "no photos": ({"README.md": b"y", "cover.jpg": jpeg(1)}, "hub_photos.problem.no_photos"),
    "a hostile archive": ({"a.zip": zipped({"../evil.jpg": b"x"})}, "file_names.problem.outside"),
    "a hostile name": ({"a/../../evil.jpg": b"x"}, "hub_photos.problem.no_photos"),
    "a damaged archive": ({"a.zip": zipped(flowers(1))[:500]}, "archive.problem.damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_leave_nothing_behind(server: Loopback, tmp_path: Path, case: str) -> None:
    files, key = REFUSED[case]
    serve(server, files)
    assert ask(server.url, tmp_path)[0] == key
    assert not (tmp_path / "hub").exists() or list((tmp_path / "hub").iterdir()) == []


def test_more_than_may_be_kept_is_not_fetched(server: Loopback, tmp_path: Path) -> None:
    serve(server, flowers(2))
    assert ask(server.url, tmp_path, max_stored_bytes=1_000)[0] == "hub_photos.problem.too_large"
    assert len(server.asked()) == 1


@pytest.mark.slow
def test_a_broken_connection_is_told_and_what_arrived_is_kept(server: Loopback, tmp_path: Path) -> None:
    commit = serve(server, flowers(2))
    path = f"/datasets/{REPO}/resolve/{commit}/tulips/1.jpg"
    whole = server.answers[path]
    server.serve(path, Answer(status=403))
    assert ask(server.url, tmp_path)[0] == "hub_photos.problem.offline"
    assert list((tmp_path / "hub").iterdir()) == []
    server.answers[path] = whole
    server.requests.clear()
    assert contents(Path(ask(server.url, tmp_path)[0])) == flowers(2)
    assert [request.path for request in server.asked() if "/resolve/" in request.path] == [path]


@pytest.mark.slow
def test_no_such_data_set(server: Loopback, tmp_path: Path) -> None:
    absent = Answer(status=404, headers={"X-Error-Code": "RepoNotFound"})
    server.serve("/api/datasets/owner/none?blobs=true", absent)
    assert ask(server.url, tmp_path, "owner/none")[0] == "hub_photos.problem.absent"
    for name in ("", "a/b/c", "../etc", "https://x/y", "a b", "郁"):
        assert ask(server.url, tmp_path, name)[0] in {"hub_photos.problem.name", "hub_photos.problem.absent"}


def test_no_connection_is_told_soon(tmp_path: Path) -> None:
    began = time.monotonic()
    assert ask("http://127.0.0.1:9", tmp_path)[0] == "hub_photos.problem.offline"
    assert time.monotonic() - began < 15
