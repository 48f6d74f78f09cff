"""Files that were damaged or made to hurt: it ends in an answer or in a sentence, and nothing is written elsewhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resnet_demo import catalogue
from resnet_demo.data.dataset_facts import dataset_facts
from resnet_demo.data.duplicates import find_duplicates
from resnet_demo.data.image_folder import open_dataset, split
from resnet_demo.data.photo_import import from_archive, from_folder, from_photos
from resnet_demo.inference import Classifier, open_model
from resnet_demo.jobs import queue
from resnet_demo.models import saved
from resnet_demo.models.model import TrainingInfo
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError
from resnet_demo.training import atomic_writes, loop
from resnet_demo.training.dataset_splits import load_splits
from resnet_demo.training.event_text import best_epoch_text, event_text, step_text
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from resnet_demo.training.run_history import RunHistory
from tests.damage import hurt_bytes, hurt_json
from tests.data.drawn import draw, encoded, jpeg
from tests.tiny import photos, tiny_model
from tests.training.small_runs import make_run, settings_in

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def answer_or_sentence(told: list[AppError]) -> Iterator[None]:
    """Nothing but a sentence may be raised; it can be said in every language, and written anywhere."""
    try:
        yield
    except AppError as error:
        for language in LANGUAGES:
            error.say(language).encode("utf-8", "strict")
        told.append(error)


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """What lies below a folder, and when it was changed; links are not followed."""
    found = {}
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            status = path.lstat()
            found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


# A saved model.


def hurt_weights(data: bytes, chance: random.Random) -> bytes:
    """Damage anywhere, or a header of safetensors that says something else."""
    if chance.randrange(2):
        return hurt_bytes(data, chance)
    (length,) = struct.unpack("<Q", data[:8])
    header = hurt_json(json.loads(data[8 : 8 + length]), chance).encode()
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def hurt_file(data: bytes, chance: random.Random) -> bytes:
    """A file of JSON, hurt as bytes or as what it says."""
    return hurt_bytes(data, chance) if chance.randrange(4) == 0 else hurt_json(json.loads(data), chance).encode()


@pytest.mark.parametrize(
    ("file", "hurt"),
    [("config.json", hurt_file), ("resnet_demo.json", hurt_file), ("model.safetensors", hurt_weights)],
)
def test_saved_models(file: str, hurt: Callable[[bytes, random.Random], bytes], tmp_path: Path) -> None:
    folder, settings = tmp_path / "model", Settings(home=tmp_path / "home")
    training_info = TrainingInfo("resnet18", "0123", {"val_accuracy": 0.5, "val_photos": 10.0}, 1.5, 0.2)
    saved.write(replace(tiny_model(), training_info=training_info), folder, card="For tests.")
    photo, before, whole = photos(tmp_path / "photos", 1), seen(tmp_path), (folder / file).read_bytes()
    told: list[AppError] = []
    for seed in range(300):
        (folder / file).write_bytes(hurt(whole, random.Random(f"{file} {seed}")))
        with answer_or_sentence(told):
            model = open_model(str(folder), settings)
            [prediction] = Classifier(model, settings, "float32", "cpu").classify(photo)
            assert len(prediction.guesses) == 5
            saved.write(model, tmp_path / "again", card="")
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
    assert 50 < len(told) < 300
    outside = {path for path in seen(tmp_path) if not path.startswith(str(settings.home))}
    assert outside == set(before)


# A run's folder.


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, a home, and a run that was stopped in its last epoch and resumed."""
    folder = tmp_path_factory.mktemp("school")
    run = make_run(folder, epochs=2, precision="float32")
    loop.train(run, settings_in(folder))
    run.events.append("stopped", how="keep")
    run.queue_again(more_epochs=1)
    return folder


@pytest.fixture
def own_school(school: Path, tmp_path: Path) -> Path:
    """A copy of the run, at a place of its own; the photos stay."""
    shutil.copytree(school / "run", tmp_path / "run")
    return tmp_path


def look_at(folder: Path, settings: Settings, told: list[AppError]) -> None:
    """All that pages, command lines and workers ask of a run before it is trained."""
    with answer_or_sentence(told):
        run = Run.open(folder)
        (
            run.state(),
            run.checkpoints.newest(),
            run.events.more_epochs,
            run.events.queued,
            run.events.launched_process,
            run.worker.stop_asked(),
            run.name,
        )
        for language in LANGUAGES:
            for event in run.events.all():
                f"{event_text(event, language)}{step_text(event, language)}".encode()
            best_epoch_text(run.events.all(), language).encode()
            entry = catalogue.of_run(run)
            f"{entry and entry.say(language)}".encode()
        queue.repeat_command(run, settings)
        history = RunHistory(run)
        history.update()
        f"{history.total_epochs} {history.best} {history.seconds_left}".encode("utf-8", "replace")
        load_splits(run, settings)


@pytest.mark.parametrize("file", ["config.json", "best/config.json", "best/resnet_demo.json"])
def test_what_a_run_is_made_from(file: str, own_school: Path, school: Path) -> None:
    path, settings, told = own_school / "run" / file, settings_in(school), list[AppError]()
    whole = path.read_bytes()
    for seed in range(300):
        path.write_bytes(hurt_file(whole, random.Random(f"{file} {seed}")))
        look_at(own_school / "run", settings, told)
    assert len(told) > 100 or file != "config.json"


def test_what_happened_in_a_run(own_school: Path, school: Path) -> None:
    path, settings, told = own_school / "run" / "events.jsonl", settings_in(school), list[AppError]()
    whole = [json.loads(line) for line in path.read_bytes().splitlines()]
    for seed in range(300):
        chance = random.Random(seed)
        lines = [json.dumps(event) for event in whole]
        for _ in range(4):
            place = chance.randrange(len(whole))
            lines[place] = hurt_json(whole[place], chance)
        data = "\n".join(lines).encode()
        path.write_bytes(hurt_bytes(data, chance) if chance.randrange(4) == 0 else data)
        look_at(own_school / "run", settings, told)
    assert told == []


def test_a_list_of_hurt_runs(tmp_path: Path) -> None:
    """One of them hides none of the others."""
    settings = Settings(home=tmp_path / "home")
    whole = Run.create(settings.home, make_run(tmp_path).config, {})
    data = (whole.folder / "config.json").read_bytes()
    for seed in range(100):
        folder = settings.home / "runs" / f"hurt-{seed}"
        folder.mkdir()
        (folder / "config.json").write_bytes(hurt_file(data, random.Random(seed)))
        (folder / "elsewhere.txt").write_bytes(hurt_bytes(str(folder).encode(), random.Random(seed)))
    assert whole.folder in {run.folder for run in all_runs(settings.home)}
    assert len(catalogue.listed(settings, all_runs(settings.home))) > 10


def hurt_state(data: bytes, chance: random.Random) -> bytes:
    """As `hurt_file`, or hurt where chance seldom comes: in the few words on where the training stands."""
    state = json.loads(data)
    if "position" in state and chance.randrange(2):
        position = hurt_json(state["position"], chance)
        return json.dumps({**state, "position": "here"}).replace('"here"', position).encode()
    return hurt_file(data, chance)


@pytest.mark.parametrize(("file", "times"), [("state.json", 200), ("complete.json", 50)])
def test_checkpoints(file: str, times: int, own_school: Path, school: Path) -> None:
    """A training that goes on from a hurt checkpoint ends in good order, after a step at the most."""
    run, settings, told = Run(own_school / "run"), settings_in(school), list[AppError]()
    found = run.checkpoints.newest()
    assert found is not None
    whole = (found / file).read_bytes()
    shutil.copytree(own_school / "run", own_school / "whole")
    for seed in range(times):
        (found / file).write_bytes(hurt_state(whole, random.Random(f"{file} {seed}")))
        if file == "state.json":
            (found / atomic_writes.MARKER).unlink()
            atomic_writes.mark_complete(found)  # or else it would not be read at all
        run.worker.ask_stop("keep")
        with answer_or_sentence(told):
            loop.train(run, settings)
        shutil.rmtree(own_school / "run")
        shutil.copytree(own_school / "whole", own_school / "run")
    assert bool(told) == (file == "state.json")


# Photos.

NAMES = ("tulips", "郁金香", "a b", "train", "val", "é", "e\u0301", "CON", "x" * 200, "-n", "a'b", "%s {0}", "🌷", ".h")
PICTURES = (
    *(jpeg(number) for number in range(40)),
    *(encoded(draw(100 + number), kind) for number in range(4) for kind in ("PNG", "WEBP", "GIF")),
    encoded(draw(200, (3, 700)), "PNG"),
)
ENDINGS = (*(".jpg",) * 6, ".JPEG", ".png", ".webp", ".txt", "", ".jpg.exe", ".gif")


def any_content(chance: random.Random) -> bytes:
    if chance.randrange(5):
        return chance.choice(PICTURES)
    return chance.choice((hurt_bytes(chance.choice(PICTURES), chance), b"", chance.randbytes(60)))


def any_names(chance: random.Random) -> Callable[[], list[str]]:
    """A few names, of which each file gets its folders."""
    names = chance.sample(NAMES, 3)
    return lambda: chance.choices(names, k=chance.choice((0, 1, 1, 1, 1, 2, 4)))


def any_tree(root: Path, chance: random.Random, outside: Path) -> Path:
    """Folders up to four deep with anything in them: photos, litter, links to anywhere, pipes."""
    root.mkdir()
    folders = any_names(chance)
    for number in range(chance.randrange(60)):
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            folder = root.joinpath(*folders())
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{chance.choice(NAMES)}{number}{chance.choice(ENDINGS)}"
            match chance.randrange(20):
                case 0:
                    path.symlink_to(chance.choice((root, outside, outside / "photo.jpg", Path("no"), Path(path.name))))
                case 1 if hasattr(os, "mkfifo"):
                    os.mkfifo(path)
                case 2 if os.name == "posix":
                    Path(os.fsdecode(os.fsencode(path) + b"\xff.jpg")).write_bytes(any_content(chance))
                case _:
                    path.write_bytes(any_content(chance))
    return root


def any_zip(chance: random.Random) -> bytes:
    """Photos under names of all kinds, some of them hostile, links and folders among them."""
    bad = (
        "../x.jpg",
        "/x.jpg",
        "a/../../x.jpg",
        "C:\\x.jpg",
        "a\\b.jpg",
        "a//b.jpg",
        "a/./b.jpg",
        "A.jpg",
        "a.JPG",
        "a/",
        "\0.jpg",
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        folders = any_names(chance)
        for number in range(chance.randrange(50)):
            name = "/".join((*folders(), f"{number}{chance.choice(ENDINGS)}"))
            entry = zipfile.ZipInfo(chance.choice(bad) if chance.randrange(100) == 0 else name)
            entry.external_attr = (0o120777 if chance.randrange(200) == 0 else 0o100644) << 16
            file.writestr(entry, any_content(chance))
    data = buffer.getvalue()
    return hurt_bytes(data, chance) if chance.randrange(4) == 0 else data


def look_through(folder: Path, settings: Settings) -> None:
    """All that is found out of photos before anything is trained on them."""
    dataset = open_dataset(folder, settings.home)
    duplicates = find_duplicates(dataset, settings.home)
    for message in dataset_facts(dataset, duplicates).findings:
        for language in LANGUAGES:
            message.say(language).encode()
    for problem in (*dataset.problems, *duplicates.problems):
        problem.file.encode()
    json.dumps(dataset.classes, ensure_ascii=False).encode()
    parts = split(dataset, 0, groups=duplicates.groups)
    assert sorted((*parts.train, *parts.val, *parts.test)) == list(range(len(dataset.photos)))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nobody was asked to touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(jpeg(9))
    return folder


def test_folders_of_anything(tmp_path: Path, outside: Path) -> None:
    settings, told = Settings(home=tmp_path / "home"), list[AppError]()
    for seed in range(60):
        root = any_tree(tmp_path / "photos", random.Random(seed), outside)
        before = seen(root), seen(outside)
        with answer_or_sentence(told):
            look_through(from_folder(root, settings).folder, settings)
        assert (seen(root), seen(outside)) == before
        shutil.rmtree(root)
    assert 0 < len(told) < 50
    assert {path.name for path in tmp_path.iterdir()} == {"home", "outside"}


def test_zips_of_anything(tmp_path: Path, outside: Path) -> None:
    settings, told = Settings(home=tmp_path / "home"), list[AppError]()
    path = tmp_path / "photos.zip"
    for seed in range(100):
        path.write_bytes(any_zip(random.Random(seed)))
        with answer_or_sentence(told):
            look_through(from_archive(path, settings).folder, settings)
    assert 20 < len(told) < 90
    assert {entry.name for entry in tmp_path.iterdir()} == {"home", "outside", "photos.zip"}
    assert not any(entry.is_symlink() for entry in (tmp_path / "home").rglob("*"))


def test_received_names_of_anything(tmp_path: Path, outside: Path) -> None:
    settings, told = Settings(home=tmp_path / "home"), list[AppError]()
    letters = "ab/\\.: \0é郁\ud800*?<>|\"'\n~" + "x" * 5
    for seed in range(200):
        chance = random.Random(seed)
        rels = ["".join(chance.choices(letters, k=chance.randrange(12))) + ".jpg" for _ in range(chance.randrange(12))]
        before = seen(outside)
        with answer_or_sentence(told):
            name = "".join(chance.choices(letters, k=chance.randrange(300)))
            look_through(from_photos([(rel, outside / "photo.jpg") for rel in rels], settings, name).folder, settings)
        assert seen(outside) == before
    assert len(told) > 20
    assert {entry.name for entry in tmp_path.iterdir()} == {"home", "outside"}


def test_the_seed_decides(tmp_path: Path) -> None:
    value: dict[str, Any] = {"a": [1, 2, {"b": "c"}], "d": None}
    assert len({hurt_json(value, random.Random(seed)) for seed in range(50)}) > 30
    assert hurt_json(value, random.Random(3)) == hurt_json(value, random.Random(3))
