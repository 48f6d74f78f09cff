"""What visitors share: models opened once and kept within bounds, and each visitor's newest wish first."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
from pathlib import Path

import pytest

from resnet_demo.models import saved
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui import services as services_module
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.results import Results
from resnet_demo.ui.services import MODELS_KEPT, Services
from tests.shelf import keep, run_with_model, ship
from tests.tiny import photos, tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    for seed in range(MODELS_KEPT + 1):
        saved.write(tiny_model(seed=seed), folder / str(seed), card="A model for tests.")
    return [str(folder / str(seed)) for seed in range(MODELS_KEPT + 1)]


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return Services(Settings(home=tmp_path / "home"))


def received(folder: Path, count: int) -> list[ReceivedPhoto]:
    return [ReceivedPhoto(path.name, path) for path in photos(folder, count)]


def test_two_visitors_at_once_open_a_model_once(services: Services, models: list[str]) -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(services.classifier(models[0]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(classifier) for classifier in found}) == 1


def test_the_model_unused_longest_leaves_memory(services: Services, models: list[str]) -> None:
    first, second = services.classifier(models[0]), services.classifier(models[1])
    for name in [models[2], models[0], models[3]]:
        services.classifier(name)
    assert services.classifier(models[0]) is first
    assert services.classifier(models[1]) is not second


def test_a_better_model_of_a_run_takes_the_place_of_the_one_before(services: Services) -> None:
    run = run_with_model(services.settings)
    first = services.classifier(run.name)
    assert services.classifier(run.name) is first
    keep(run, seed=1)
    second = services.classifier(run.name)
    assert second is not first
    assert services.classifier(run.name) is second
    assert [name for name, _ in services._classifiers] == [run.name]
    assert second.model.network.fc.weight.equal(tiny_model(seed=1).network.fc.weight)


def test_a_name_that_cannot_be_opened_leaves_nothing_behind(services: Services, models: list[str]) -> None:
    for name in ("resnet51", "another", models[0]):
        with contextlib.suppress(AppError):
            services.classifier(name)
    assert services._opening == {}


def test_a_photo_that_was_given_many_times_is_opened_once_and_answered_under_each_name(
    services: Services, models: list[str], tmp_path: Path
) -> None:
    [first, second] = photos(tmp_path, 2)
    given = [ReceivedPhoto(f"{number}/{path.name}", path) for number in range(100) for path in (first, second)]
    opened: list[str] = []
    listening = True

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "open" and str(arguments[0]) in {str(first), str(second)}:
            opened.append(str(arguments[0]))

    sys.addaudithook(listen)  # stays as long as the process
    *_, results = services.classify(given, models[0], "crop", 5, "session")
    listening = False
    assert [row.prediction.file for row in results.rows] == [photo.name for photo in given]
    assert len({row.prediction.guesses for row in results.rows}) == 2
    assert len(results.gallery) == 200
    # Once for the network and once for the thumbnail.
    assert sorted(opened) == sorted([str(first), str(second)] * 2)


def test_results_that_nobody_got_are_discarded(
    services: Services, models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails before a first view leaves no folder; what was shown stays with the one who shows it."""
    uploads = tmp_path / "uploads"
    with pytest.raises(AttributeError):
        list(services.classify([*received(tmp_path / "a", 2), None], models[0], "crop", 5, "visitor"))  # type: ignore[list-item]
    assert list(uploads.iterdir()) == []
    monkeypatch.setattr(services_module, "SECONDS_BETWEEN_VIEWS", 0.0)
    under_way = services.classify(received(tmp_path / "b", 40), models[0], "crop", 5, "visitor")
    shown = next(under_way)
    under_way.close()
    assert list(uploads.iterdir()) == [shown.folder]
    assert shown.folder.stat().st_mode & 0o777 == 0o700


def test_thumbnails_obey_the_limit_of_pixels(services: Services, models: list[str], tmp_path: Path) -> None:
    given = received(tmp_path, 2)
    *_, results = services.classify(given, models[0], "crop", 5, "visitor")
    narrow = Results(2, 5, results.model, max_pixels=48 * 40 - 1)
    for row in results.rows:
        narrow.add(row.photo, row.prediction)
    assert (len(results.gallery), len(narrow.gallery)) == (2, 0)
    assert results.picture(0) is not None
    assert narrow.picture(0) is None


def test_strangers_name_only_what_is_listed(models: list[str], tmp_path: Path) -> None:
    services = Services(Settings(home=tmp_path, public=True))
    for name in (models[0], "hf-hub:owner/name", "", "../.."):
        with pytest.raises(AppError, match="list"):
            services.classifier(name)


def test_strangers_see_and_name_their_own_runs_alone(tmp_path: Path) -> None:
    services = Services(Settings(home=tmp_path / "home", shipped=ship(tmp_path / "shipped"), public=True))
    mine, others = (run_with_model(services.settings, owner=owner * 32) for owner in "ab")
    nobodys = run_with_model(services.settings)
    assert [entry.name for entry in services.models("a" * 32) if entry.kind == "own"] == [mine.name]
    assert services.classifier(mine.name, visitor="a" * 32).model.name == mine.name
    assert services.classifier("flowers").model.name == "flowers"
    for visitor in ("a" * 32, "", None, ["b" * 32], "a"):
        for run in (others, nobodys):
            with pytest.raises(AppError, match="list"):
                services.classifier(run.name, visitor=visitor)
    for visitor in ("", None, {}, "a"):
        assert not any(entry.kind == "own" for entry in services.models(visitor))


def test_on_a_page_of_ones_own_all_runs_are_there(services: Services) -> None:
    runs = {run_with_model(services.settings, owner="a" * 32).name, run_with_model(services.settings).name}
    assert {entry.name for entry in services.models(None) if entry.kind == "own"} == runs


def test_a_newer_wish_of_the_same_visitor_ends_the_older(
    services: Services, models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_module, "SECONDS_BETWEEN_VIEWS", 0.0)
    older = services.classify(received(tmp_path / "a", 40), models[0], "crop", 5, "visitor")
    other = services.classify(received(tmp_path / "b", 40), models[0], "crop", 5, "another visitor")
    unfinished, _ = next(older), next(other)
    newer = list(services.classify(received(tmp_path / "c", 3), models[0], "crop", 5, "visitor"))
    assert newer[-1].complete
    assert list(older) == []
    assert not unfinished.folder.exists()
    assert list(other)[-1].complete


def test_nothing_goes_on_for_a_visitor_who_left(
    services: Services, models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_module, "SECONDS_BETWEEN_VIEWS", 0.0)
    under_way = services.classify(received(tmp_path, 40), models[0], "crop", 5, "visitor")
    next(under_way)
    services.forget("visitor")
    assert list(under_way) == []


def test_what_stayed_in_the_browser_is_a_problem_beside_the_others(
    services: Services, models: list[str], tmp_path: Path
) -> None:
    given = received(tmp_path, 3)
    given[1] = dataclasses.replace(given[1], name="huge.tif", path=None)
    *_, results = services.classify(given, models[0], "crop", 2, "visitor")
    assert [row[1] for row in results.table()] == ["0000.jpg", "0002.jpg"]
    ((name, sentence),) = results.problems("en")
    assert name == "huge.tif"
    assert "50 MB" in sentence
    assert len(results.write_csv("en").read_text(encoding="utf-8-sig").splitlines()) == 4
    results.discard()
    assert not results.folder.exists()
