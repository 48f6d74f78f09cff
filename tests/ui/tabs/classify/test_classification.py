"""Classification of visitors' photos: what is opened, what is kept, and whose latest request counts."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_demo.data.display import with_seen_box
from resnet_demo.data.preprocessing import CropMode
from resnet_demo.models import saved
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.services import Services
from resnet_demo.ui.tabs.classify import classification as classification_module
from resnet_demo.ui.tabs.classify import results_view
from resnet_demo.ui.tabs.classify.classification import Classification, State
from resnet_demo.ui.tabs.classify.results import Results
from tests.tiny import photos, tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("models") / "0"
    saved.write(tiny_model(seed=0), folder, card="A model for tests.")
    return str(folder)


@pytest.fixture
def classification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Classification:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return Classification(Services(Settings(home=tmp_path / "home")))


def received(folder: Path, count: int) -> list[ReceivedPhoto]:
    return [ReceivedPhoto(path.name, path) for path in photos(folder, count)]


def answered(states: Iterator[State]) -> Results:
    """The results of a request that is carried out to its end."""
    *_, last = states
    assert last.ended
    assert last.results is not None
    return last.results


def begun(states: Iterator[State]) -> Results:
    """The results of a request that is under way."""
    return next(state.results for state in states if state.results is not None and state.results.rows)


def test_a_photo_that_was_given_many_times_is_opened_once_and_answered_under_each_name(
    classification: Classification, model: str, tmp_path: Path
) -> None:
    [first, second] = photos(tmp_path, 2)
    given = [ReceivedPhoto(f"{number}/{path.name}", path) for number in range(100) for path in (first, second)]
    opened: list[str] = []
    listening = True

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "open" and str(arguments[0]) in {str(first), str(second)}:
            opened.append(str(arguments[0]))

    sys.addaudithook(listen)  # stays as long as the process
    results = answered(classification.run(given, [model], "crop", 5, "session"))
    listening = False
    assert [row.prediction.file for row in results.rows] == [photo.name for photo in given]
    assert len({row.prediction.guesses for row in results.rows}) == 2
    assert {results.thumbnail_of(number) for number in range(200)} == {0, 1}
    assert results.picture(0) is not None
    # Once for the network, the thumbnail and the picture of the first one.
    assert sorted(opened) == sorted([str(first), str(second)])


def test_results_that_nobody_got_are_discarded(
    classification: Classification, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails before a first view leaves no folder; what was shown stays with the one who shows it."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    with pytest.raises(AttributeError):
        list(classification.run([*received(tmp_path / "a", 2), None], [model], "crop", 5, "visitor"))  # type: ignore[list-item]
    assert list(uploads.iterdir()) == []
    monkeypatch.setattr(classification_module, "SECONDS_BETWEEN_UPDATES", 0.0)
    under_way = classification.run(received(tmp_path / "b", 40), [model], "crop", 5, "visitor")
    shown = begun(under_way)
    under_way.close()
    assert list(uploads.iterdir()) == [shown.files.folder]
    assert shown.files.folder.stat().st_mode & 0o777 == 0o700


def test_pictures_obey_the_limit_of_pixels(classification: Classification, model: str, tmp_path: Path) -> None:
    results = answered(classification.run(received(tmp_path, 2), [model], "crop", 5, "visitor"))
    narrow = Results(2, 5, results.model, max_pixels=48 * 40 - 1)
    for row in results.rows:
        narrow.add(row.photo, row.prediction)
    for number in range(2):
        assert results.picture(number) is not None
        assert narrow.picture(number) is None


@pytest.mark.parametrize("view", ["crop", "whole"])
def test_what_is_shown_is_the_photo_with_the_box(
    classification: Classification, model: str, tmp_path: Path, view: CropMode
) -> None:
    """The first one's picture comes from the decoding for the network, the second one's from another one."""
    given = received(tmp_path, 2)
    results = answered(classification.run(given, [model], view, 5, "visitor"))
    for number, photo in enumerate(given):
        assert photo.path is not None
        box = results.rows[number].prediction.seen
        assert box is not None
        with Image.open(photo.path) as original, Image.open(str(results.picture(number))) as shown:
            expected = with_seen_box(original.convert("RGB"), original.size, box)
            assert np.abs(np.asarray(shown, float) - np.asarray(expected, float)).mean() < 4
        with Image.open(results.files.folder / f"{results.thumbnail_of(number)}.jpg") as small:
            assert small.size == expected.size


def test_a_photo_is_answered_alike_alone_and_among_others(
    classification: Classification, model: str, tmp_path: Path
) -> None:
    """How large it is shown changes nothing of what the network is given, also where it is decoded at reduced scale."""
    chance = np.random.default_rng(0)
    for name in "ab":
        grain = chance.integers(0, 255, (2000, 3000, 3), np.uint8)
        Image.fromarray(grain).save(tmp_path / f"{name}.jpg", quality=60)
    first, second = (ReceivedPhoto(f"{name}.jpg", tmp_path / f"{name}.jpg") for name in "ab")
    alone = answered(classification.run([first], [model], "crop", 5, "visitor"))
    among = answered(classification.run([second, first], [model], "crop", 5, "another visitor"))
    ours, theirs = (
        [(guess.label, guess.probability) for guess in rows[-1].prediction.guesses] for rows in (alone.rows, among.rows)
    )
    assert [label for label, _ in ours] == [label for label, _ in theirs]
    assert [share for _, share in ours] == pytest.approx([share for _, share in theirs], abs=1e-4)


def test_a_newer_request_of_the_same_visitor_ends_the_older(
    classification: Classification, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification_module, "SECONDS_BETWEEN_UPDATES", 0.0)
    older = classification.run(received(tmp_path / "a", 40), [model], "crop", 5, "visitor")
    other = classification.run(received(tmp_path / "b", 40), [model], "crop", 5, "another visitor")
    unfinished, _ = begun(older), begun(other)
    assert answered(classification.run(received(tmp_path / "c", 3), [model], "crop", 5, "visitor")).complete
    assert not any(state.ended for state in older)
    assert not unfinished.files.folder.exists()
    assert answered(other).complete


def test_what_was_answered_before_a_stop_is_kept(
    classification: Classification, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification_module, "SECONDS_BETWEEN_UPDATES", 0.0)
    under_way = classification.run(received(tmp_path, 200), [model], "crop", 5, "visitor")
    begun(under_way)
    classification.requests.stop("visitor")
    results = answered(under_way)
    assert 0 < len(results.rows) < 200
    assert (results.photos, results.asked) == (len(results.rows), 200)
    assert text("classify.stopped", done=results.photos, photos=200, model=model) in results_view.status(results)


def test_progress_is_told_before_the_last_photo(
    classification: Classification, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification_module, "SECONDS_BETWEEN_UPDATES", 0.0)
    done = [state.done for state in classification.run(received(tmp_path, 100), [model], "crop", 5, "visitor")]
    assert done == sorted(done)
    assert done[0] == 0
    assert len({number for number in done if 0 < number < 100}) >= 3


def test_models_are_compared_on_the_same_photos(
    classification: Classification, model: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The first model's answers are taken over, those of one that is left out are dropped."""
    folder = tmp_path_factory.mktemp("models")
    others = []
    for seed in (1, 2):
        saved.write(tiny_model(seed=seed), folder / str(seed), card="A model for tests.")
        others.append(str(folder / str(seed)))
    given = received(tmp_path, 5)
    alone = answered(classification.run(given, [model], "crop", 2, "visitor"))
    results = answered(classification.run(given, [model, *others], "crop", 2, "visitor", alone))
    assert results is alone
    assert list(results.compared) == others
    for other in others:
        expected = answered(classification.run(given, [other], "crop", 2, "another visitor"))
        assert [found.guesses for found in results.compared[other]] == [row.prediction.guesses for row in expected.rows]
    with results.write_csv().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["file"]) for row in rows] == [
        (name, photo.name) for name in (model, *others) for photo in given
    ]
    sent = json.loads(results_view.rows(results, 3))
    assert (sent["models"], sent["start"], len(sent["rows"])) == ([model, *others], 3, 2)
    assert [row[7] for row in sent["rows"]] == [found.guesses[0].label for found in results.compared[others[0]][3:]]
    answered(classification.run(given, [model, others[1]], "crop", 2, "visitor", results))
    assert list(results.compared) == others[1:]
    fresh = answered(classification.run(given, [model], "whole", 2, "visitor", results))
    assert fresh is not results


def test_nothing_goes_on_for_a_visitor_who_left(
    classification: Classification, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification_module, "SECONDS_BETWEEN_UPDATES", 0.0)
    under_way = classification.run(received(tmp_path, 40), [model], "crop", 5, "visitor")
    begun(under_way)
    classification.requests.end("visitor")
    assert not any(state.ended for state in under_way)


def test_what_stayed_in_the_browser_is_a_problem_beside_the_others(
    classification: Classification, model: str, tmp_path: Path
) -> None:
    given = received(tmp_path, 3)
    given[1] = dataclasses.replace(given[1], name="huge.tif", path=None)
    results = answered(classification.run(given, [model], "crop", 2, "visitor"))
    assert [row.photo.name for _, row in results.named()] == ["0000.jpg", "0002.jpg"]
    ((name, sentence),) = results.problems()
    assert name == "huge.tif"
    assert "50 MB" in sentence
    assert len(results.write_csv().read_text(encoding="utf-8-sig").splitlines()) == 4
    results.files.discard()
    assert not results.files.folder.exists()


def test_files_of_the_results_before_stay_while_a_browser_may_load_them(
    classification: Classification, model: str, tmp_path: Path
) -> None:
    [photo] = received(tmp_path, 1)
    found: list[Results] = []
    for _ in range(3):
        results = answered(classification.run([photo], [model], "crop", 5, "visitor"))
        if found:
            results.replace_last(found[-1])
        found.append(results)
    assert [one.files.folder.is_dir() for one in found] == [False, True, True]
    found[-1].discard()
    assert [one.files.folder.is_dir() for one in found] == [False, False, False]
