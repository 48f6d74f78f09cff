"""What visitors share: models are opened once, kept within bounds, and listed to those who may see them."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from pathlib import Path

import pytest
import torch

from resnet_demo.models import saved
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.services import MODELS_KEPT, Services
from resnet_demo.ui.visitor_context import Visitor, visited_by
from tests.shelf import keep, run_with_model, ship
from tests.tiny import tiny_model


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
    in_memory = weakref.ref(first)
    keep(run, seed=1)
    second = services.classifier(run.name)
    assert second is not first
    assert services.classifier(run.name) is second
    del first
    gc.collect()
    assert in_memory() is None
    assert second.model.network.fc.weight.equal(tiny_model(seed=1).network.fc.weight)


class Name(str):
    """A name that can be told to be forgotten; a plain string cannot be referred to weakly."""


def test_a_name_that_cannot_be_opened_leaves_nothing_behind(services: Services) -> None:
    for word in ("resnet51", "another"):
        name = Name(word)
        remembered = weakref.ref(name)
        with contextlib.suppress(AppError):
            services.classifier(name)
        del name
        gc.collect()
        assert remembered() is None


def test_a_file_of_weights_is_opened_and_anew_once_it_is_replaced(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    name, biases = f"cifar_resnet20:{file}", []
    for seed in (0, 1):
        torch.save(tiny_model(seed=seed).network.state_dict(), tmp_path / "new.pth")
        (tmp_path / "new.pth").replace(file)
        classifier = services.classifier(name)
        assert services.classifier(name) is classifier
        biases.append(classifier.model.network.fc.bias.tolist())
    assert biases == [tiny_model(seed=seed).network.fc.bias.tolist() for seed in (0, 1)]


def test_strangers_name_only_what_is_listed(models: list[str], tmp_path: Path) -> None:
    services = Services(Settings(home=tmp_path, public=True))
    file = tmp_path / "weights.pth"
    torch.save(tiny_model().network.state_dict(), file)
    for name in (models[0], "hf-hub:owner/name", "", "../..", str(file), f"cifar_resnet20:{file}"):
        with pytest.raises(AppError, match="list"):
            services.classifier(name)


def test_strangers_see_and_name_their_own_runs_alone(tmp_path: Path) -> None:
    services = Services(Settings(home=tmp_path / "home", built_in_models=ship(tmp_path / "built_in"), public=True))
    mine, others = (run_with_model(services.settings, owner=owner * 32) for owner in "ab")
    nobodys = run_with_model(services.settings)
    with visited_by(Visitor("a" * 32)):
        assert [entry.name for entry in services.models() if entry.kind == "own"] == [mine.name]
        assert services.classifier(mine.name).model.name == mine.name
    assert services.classifier("flowers").model.name == "flowers"
    for visitor in ("a" * 32, "", None, ["b" * 32], "a"):
        for run in (others, nobodys):
            with visited_by(Visitor.from_browser(visitor)), pytest.raises(AppError, match="list"):
                services.classifier(run.name)
    for visitor in ("", None, {}, "a"):
        with visited_by(Visitor.from_browser(visitor)):
            assert not any(entry.kind == "own" for entry in services.models())


def test_on_a_page_of_ones_own_all_runs_are_there(services: Services) -> None:
    runs = {run_with_model(services.settings, owner="a" * 32).name, run_with_model(services.settings).name}
    assert {entry.name for entry in services.models() if entry.kind == "own"} == runs
