"""The sample sets: photographed flowers arrive once and whole, drawn ones can be learnt from."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnet_demo import cli
from resnet_demo.data import drawn_flowers
from resnet_demo.data.image_folder import open_dataset
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.data.sample_photos import DRAWN, FLOWERS, drawn_sample, sample_flowers
from resnet_demo.inference import Classifier, open_model
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from tests.data.drawn import contents, flowers, write
from tests.data.test_archive import tarred
from tests.loopback import Answer, Loopback, loopback


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


def flower_archive(counts: dict[str, int]) -> bytes:
    photos = {
        f"flower_photos/{name}/{number}.jpg": b"\xff\xd8 a photo"
        for name, count in counts.items()
        for number in range(count)
    }
    return tarred({"flower_photos/LICENSE.txt": b"CC BY 2.0", **photos}, "w:gz")


def test_the_sample_flowers_arrive_once(server: Loopback, settings: Settings) -> None:
    """Also where the connection breaks in the middle, and where someone has a folder of that name already."""
    body = flower_archive(FLOWERS)
    sha256 = hashlib.sha256(body).hexdigest()
    url = server.serve("/flower_photos.tgz", Answer(body, sent=20_000), Answer(body))
    write(settings.home / "samples" / "flower_photos", flowers(1))
    imported = sample_flowers(settings, url=url, sha256=sha256)
    assert [request.range for request in server.asked()] == [None, "bytes=20000-"]
    assert imported == ImportedFolder(settings.home / "samples" / "flower_photos-2")
    assert len(contents(imported.folder)) == 3_671
    assert sample_flowers(settings, url=url, sha256=sha256) == imported
    assert len(server.asked()) == 2
    assert not (settings.home / "downloads" / "flower_photos.tgz").exists()


def test_a_forged_set_of_flowers_is_not_taken_for_them(server: Loopback, settings: Settings) -> None:
    """Whoever brings photos under that name, in those numbers, does not change what others get."""
    forged = {f"{name}/{number}.jpg": b"x" for name, count in FLOWERS.items() for number in range(count)}
    write(settings.home / "datasets" / "flower_photos", forged)
    body = flower_archive(FLOWERS)
    url = server.serve("/flower_photos.tgz", Answer(body))
    imported = sample_flowers(settings, url=url, sha256=hashlib.sha256(body).hexdigest())
    assert (imported.folder / "flower_photos" / "LICENSE.txt").is_file()


def test_sample_flowers_that_are_something_else(server: Loopback, settings: Settings) -> None:
    body = flower_archive({**FLOWERS, "tulips": 798})
    url = server.serve("/flower_photos.tgz", Answer(body))
    with pytest.raises(AppError) as wrong:
        sample_flowers(settings, url=url)
    assert wrong.value.message.key == "download.problem.hash"
    sha256 = hashlib.sha256(body).hexdigest()
    with pytest.raises(AppError) as other:
        sample_flowers(settings, url=url, sha256=sha256)
    assert other.value.message.key == "photo_import.problem.not_flowers"
    assert list((settings.home / "samples").iterdir()) == []
    assert not (settings.home / "downloads" / "flower_photos.tgz").exists()


def test_two_visitors_want_the_sample_flowers(server: Loopback, settings: Settings) -> None:
    body = flower_archive(FLOWERS)
    url = server.serve("/flower_photos.tgz", Answer(body, slow=True))
    found: list[ImportedFolder] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(sample_flowers(settings, url=url, sha256=hashlib.sha256(body).hexdigest()))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ImportedFolder(settings.home / "samples" / "flower_photos")] * 2
    assert len(server.asked()) == 1


def test_the_drawn_sample_is_there_once_and_whole(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int | None]] = []
    imported = drawn_sample(settings, lambda done, total: told.append((done, total)))
    assert told == [(number, 125) for number in range(1, 126)]
    dataset = open_dataset(imported.folder, settings.home)
    assert Counter(dataset.classes[photo.label] for photo in dataset.photos) == DRAWN
    assert {photo.size for photo in dataset.photos} == {(128, 128)}
    assert sum(path.stat().st_size for path in imported.folder.rglob("*.jpg")) < 1_500_000

    assert cli.main(["--home", str(settings.home), "sample", "drawn"]) == 0
    assert capsys.readouterr().out.strip() == str(imported.folder)

    next(imported.folder.rglob("*.jpg")).unlink()
    assert drawn_sample(settings).folder != imported.folder


def test_drawings_are_the_same_for_the_same_number_and_differ_otherwise() -> None:
    for kind in drawn_flowers.KINDS:
        first, again, other = (drawn_flowers.draw(kind, number) for number in (3, 3, 4))
        assert first.tobytes() == again.tobytes()
        assert first.tobytes() != other.tobytes()


def test_a_model_that_learned_from_photos_names_most_drawings(settings: Settings, tmp_path: Path) -> None:
    """So they look like what they are; chance is one in five."""
    list(drawn_flowers.write(tmp_path, dict.fromkeys(drawn_flowers.KINDS, 6)))
    files = sorted(tmp_path.rglob("*.jpg"))
    found = list(Classifier(open_model("flowers", settings), settings).classify(files, top=1))
    names = [prediction.guesses[0].label for prediction in found]
    right = [name.startswith(file.parent.name) for file, name in zip(files, names, strict=True)]
    assert len(right) == 30
    assert sum(right) >= 20
