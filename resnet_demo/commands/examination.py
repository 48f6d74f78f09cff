"""Which photos a model is judged by, and what it says of them: those it did not learn from, as far as that is known."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resnet_demo.data.image_folder import Dataset, Photo
from resnet_demo.data.images import Problem, has_content
from resnet_demo.data.index import forget_files
from resnet_demo.models import places
from resnet_demo.models.places import BEST
from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, Message
from resnet_demo.training.answers import Answers
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.looks import looks_of
from resnet_demo.training.run import ENDED, Run

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction
    from resnet_demo.models.model import Model

NAMES_TOLD = 12


@dataclass(frozen=True)
class Examination:
    """Photos to judge a model by, each of a class that it knows.

    `test_of` is the run whose test photos they are, if they are. `notes` are what a reader of the figure has to know;
    the first says which photos these are.
    """

    photos: tuple[Photo, ...]
    notes: tuple[Message, ...]
    test_of: Run | None = None


def model_and_run(name: str, settings: Settings) -> tuple[str, Run | None]:
    """The model that a name means, as `open_model` takes it, and the run that made it; a run's folder is one."""
    folder = places.folder_of(name, settings)
    if folder is None:
        return name, None
    with contextlib.suppress(AppError):
        run = Run.open(folder)
        return str(run.best), run
    with contextlib.suppress(AppError):
        return name, Run.open(folder.parent) if folder.name == BEST else None
    return name, None


def examination(model: Model, run: Run | None, dataset: Dataset, home: Path) -> Examination:
    """Choose the photos of a data set to judge a model by, made by `run` where that is known.

    Of the very photos that it was taught with these are the run's test photos; else the test part that the folders
    give, or all photos where they give none.

    Args:
        home: of the runs whose looks at the same photos count too.

    Raises:
        AppError: the model knows none of their classes.
    """
    same = dataset.is_known_as(model.teaching.data)
    given = tuple(photo for photo in dataset.photos if photo.split == "test")
    if same and run is not None:
        chosen = tuple(dataset.photos[index] for index in run.facts["split"]["test"])
        note = Message("evaluate.by.run", {"name": run.name, "looks": looks_of(run, all_runs(home)) + 1})
        return _known(model, dataset, chosen, note, test_of=run)
    if given:
        return _known(model, dataset, given, Message("evaluate.by.part"))
    if same:
        flatters = [Message("evaluate.note.flatters")]
    elif run is not None and Path(run.config.data) == dataset.root:
        flatters = [Message("evaluate.note.changed")]
    else:
        flatters = []
    return _known(model, dataset, dataset.photos, Message("evaluate.by.all"), *flatters)


def _known(
    model: Model, dataset: Dataset, chosen: Sequence[Photo], *notes: Message, test_of: Run | None = None
) -> Examination:
    """Those of the chosen photos whose class the model knows by name, and a note of the others."""
    known = set(model.labels)
    photos = tuple(photo for photo in chosen if dataset.classes[photo.label] in known)
    if not photos:
        classes = (dataset.classes[label] for label in sorted({photo.label for photo in chosen}))
        raise AppError(
            "evaluate.problem.no_class", folder=dataset.name, classes=_listed(classes), known=_listed(model.labels)
        )
    unknown = Counter(name for photo in chosen if (name := dataset.classes[photo.label]) not in known)
    told = list(notes)
    if unknown:
        told.append(Message("evaluate.note.unknown", {"photos": unknown.total(), "classes": _listed(unknown)}))
    if dataset.unlabelled:
        told.append(Message("evaluate.note.unlabelled", {"photos": dataset.unlabelled}))
    return Examination(photos, tuple(told), test_of)


def _listed(names: Iterable[str]) -> str:
    told = list(names)
    return ", ".join(told[:NAMES_TOLD]) + (", …" if len(told) > NAMES_TOLD else "")


def count_look(run: Run) -> None:
    """Note that a run's test photos are looked at once more.

    Raises:
        AppError: the run's folder cannot be written to.
    """
    run.append("looked", test_looks=run.test_looks + 1)


def carry_out(
    asked: Examination,
    dataset: Dataset,
    model: Model,
    settings: Settings,
    watched: Callable[[Iterator[Prediction], int], Iterable[Prediction]] = lambda predictions, total: predictions,  # noqa: ARG005
    refused: Callable[[AppError], None] | None = None,
) -> tuple[Answers, list[Problem]]:
    """Ask the model of each photo in float32, as a training asks at its end.

    A look at a run's test photos is counted, and the answers are kept with the run; photos that are not what the index
    took them for are left out and named.

    Args:
        watched: given the answers as they come and how many there will be; passes them on.
        refused: told that the run's folder cannot be written to, where the answers are wanted all the same.

    Raises:
        AppError: the run's folder cannot be written to, and `refused` is not given.
    """
    from resnet_demo.inference import Classifier

    changed: set[str] = set()
    if asked.test_of is not None:
        try:
            count_look(asked.test_of)
        except AppError as error:
            if refused is None:
                raise
            refused(error)
            asked = replace(asked, test_of=None)
        changed = _changed(asked.photos, dataset, settings.home)
        asked = replace(asked, photos=tuple(photo for photo in asked.photos if photo.path not in changed))
    paths = [dataset.root / photo.path for photo in asked.photos]
    predictions = Classifier(model, settings, "float32").classify(paths, len(model.labels))
    answers, problems = answers_of(asked, dataset, model, watched(predictions, len(paths)))
    answers = replace(answers, changed=tuple(sorted(changed)))
    if asked.test_of is not None:
        keep(asked.test_of, answers)
    return answers, problems


def _changed(photos: Iterable[Photo], dataset: Dataset, home: Path) -> set[str]:
    """The photos that are not those that they were when a run began: not even if the system takes them for these."""
    changed = {photo.path for photo in photos if not has_content(dataset.root / photo.path, photo.content)}
    if changed:
        forget_files(home, dataset.root)
    return changed


def answers_of(
    asked: Examination, dataset: Dataset, model: Model, predictions: Iterable[Prediction]
) -> tuple[Answers, list[Problem]]:
    """What the model said of all photos, asked for all of its classes, and why it could say nothing of some."""
    index = {label: number for number, label in enumerate(model.labels)}
    files, labels, rows, problems = [], [], [], []
    for photo, prediction in zip(asked.photos, predictions, strict=True):
        if prediction.problem:
            problems.append(Problem(photo.path, prediction.problem.kind, prediction.problem.fields))
            continue
        row = np.zeros(len(model.labels), np.float32)
        for guess in prediction.guesses:
            row[guess.index] = guess.probability
        files.append(photo.path)
        labels.append(index[dataset.classes[photo.label]])
        rows.append(row)
    answers = Answers(
        files=tuple(files),
        labels=np.array(labels, np.int64),
        probabilities=np.array(rows, np.float32).reshape(len(rows), len(model.labels)),
        classes=model.labels,
        unreadable=tuple(problem.file for problem in problems),
    )
    return answers, problems


def keep(run: Run, answers: Answers) -> None:
    """Leave the answers in the run's folder, for the page, unless the run is going on and will leave its own.

    Raises:
        AppError: the run's folder cannot be written to.
    """
    if run.state() in ENDED:
        with run.lock():  # or a worker that begins now would take them for what a killed one left
            run.write_answers(answers)
