"""The photos to evaluate a model on, as far as possible none that it was trained on, and its predictions for them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import AS_IT_SEEMS, Dataset, Photo
from resnet_demo.data.images import Problem, has_content
from resnet_demo.data.index import forget_files
from resnet_demo.models import model_folders
from resnet_demo.models.model_folders import BEST
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import AppError, Message
from resnet_demo.training.evaluation_count import count_test_set_uses
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ENDED

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction
    from resnet_demo.models.model import Model

MOST_NAMES = 12


@dataclass(frozen=True)
class EvaluationSet:
    """Photos to evaluate a model on, each of a class that it knows.

    `test_of` is the run whose test photos they are, if they are. `notes` are what a reader of the result has to know;
    the first says which photos these are.
    """

    photos: tuple[Photo, ...]
    notes: tuple[Message, ...]
    test_of: Run | None = None


def model_and_run(name: str, settings: Settings) -> tuple[str, Run | None]:
    """The model that a name means, as `open_model` takes it, and the run that made it; a run's folder is one."""
    folder = model_folders.folder_of(name, settings)
    if folder is None:
        return name, None
    with contextlib.suppress(AppError):
        run = Run.open(folder)
        return str(run.artefacts.best), run
    with contextlib.suppress(AppError):
        return name, Run.open(folder.parent) if folder.name == BEST else None
    return name, None


def reading_of(run: Run | None, folder: Path) -> Reading:
    """How a folder is to be read: as the run's settings say if it is the folder of its photos."""
    same = run is not None and Path(run.config.data) == expanded(folder).absolute()
    return run.config.reading if run is not None and same else AS_IT_SEEMS


def choose_photos(model: Model, run: Run | None, dataset: Dataset, home: Path) -> EvaluationSet:
    """Choose the photos of a data set to evaluate a model on, made by `run` where that is known.

    Of the very data set that it was trained on these are the run's test photos; else the test part that the folders
    give, or all photos where they give none.

    Args:
        home: of the runs whose uses of the same test photos count too.

    Raises:
        AppError: the model knows none of their classes.
    """
    same = dataset.is_known_as(model.training_info.data)
    given = tuple(photo for photo in dataset.photos if photo.split == "test")
    if same and run is not None:
        chosen = tuple(dataset.photos[index] for index in run.facts["split"]["test"])
        note = Message("evaluate.by.run", {"name": run.name, "uses": count_test_set_uses(run, all_runs(home)) + 1})
        return _known(model, dataset, chosen, note, test_of=run)
    if given:
        return _known(model, dataset, given, Message("evaluate.by.split"))
    if same:
        flatters = [Message("evaluate.note.used_in_training")]
    elif run is not None and Path(run.config.data) == dataset.root:
        flatters = [Message("evaluate.note.changed")]
    else:
        flatters = []
    return _known(model, dataset, dataset.photos, Message("evaluate.by.all"), *flatters)


def _known(
    model: Model, dataset: Dataset, chosen: Sequence[Photo], *notes: Message, test_of: Run | None = None
) -> EvaluationSet:
    """The chosen photos whose class the model knows by name, with a note on the others."""
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
    return EvaluationSet(photos, tuple(told), test_of)


def _listed(names: Iterable[str]) -> str:
    told = list(names)
    return ", ".join(told[:MOST_NAMES]) + (", …" if len(told) > MOST_NAMES else "")


def record_test_set_use(run: Run) -> None:
    """Record one more use of a run's test photos.

    Raises:
        AppError: the run's folder cannot be written to.
    """
    run.events.append("looked", test_looks=run.events.test_set_uses + 1)


def run_evaluation(
    evaluation_set: EvaluationSet,
    dataset: Dataset,
    model: Model,
    settings: Settings,
    monitor: Callable[[Iterator[Prediction], int], Iterable[Prediction]] = lambda predictions, total: predictions,  # noqa: ARG005
    on_uncounted: Callable[[AppError], None] | None = None,
) -> tuple[LabelledPredictions, list[Problem]]:
    """Predict each photo in float32, as a training does at its end.

    A use of a run's test photos is counted, and the predictions are saved with the run; photos that are not what the
    index took them for are left out and named.

    Args:
        monitor: given the predictions as they come and their number; passes them on.
        on_uncounted: called where the use cannot be recorded and the predictions are wanted all the same.

    Raises:
        AppError: the run's folder cannot be written to, and `on_uncounted` is not given.
    """
    from resnet_demo.inference import Classifier

    changed: set[str] = set()
    if evaluation_set.test_of is not None:
        try:
            record_test_set_use(evaluation_set.test_of)
        except AppError as error:
            if on_uncounted is None:
                raise
            on_uncounted(error)
            evaluation_set = replace(evaluation_set, test_of=None)
        changed = _changed(evaluation_set.photos, dataset, settings.home)
        evaluation_set = replace(
            evaluation_set, photos=tuple(photo for photo in evaluation_set.photos if photo.path not in changed)
        )
    paths = [dataset.root / photo.path for photo in evaluation_set.photos]
    predictions = Classifier(model, settings, "float32").classify(paths, len(model.labels))
    labelled, problems = collect_predictions(evaluation_set, dataset, model, monitor(predictions, len(paths)))
    labelled = replace(labelled, changed=tuple(sorted(changed)))
    if evaluation_set.test_of is not None:
        save_test_predictions(evaluation_set.test_of, labelled)
    return labelled, problems


def _changed(photos: Iterable[Photo], dataset: Dataset, home: Path) -> set[str]:
    """The photos whose content has changed since the run began, whatever size and date of the files say."""
    changed = {photo.path for photo in photos if not has_content(dataset.root / photo.path, photo.content)}
    if changed:
        forget_files(home, dataset.root)
    return changed


def collect_predictions(
    evaluation_set: EvaluationSet, dataset: Dataset, model: Model, predictions: Iterable[Prediction]
) -> tuple[LabelledPredictions, list[Problem]]:
    """The predictions for all photos with their true labels, and the problems of those that cannot be read."""
    index = {label: number for number, label in enumerate(model.labels)}
    files, labels, rows, problems = [], [], [], []
    for photo, prediction in zip(evaluation_set.photos, predictions, strict=True):
        if prediction.problem:
            problems.append(Problem(photo.path, prediction.problem.kind, prediction.problem.fields))
            continue
        row = np.zeros(len(model.labels), np.float32)
        for guess in prediction.guesses:
            row[guess.index] = guess.probability
        files.append(photo.path)
        labels.append(index[dataset.classes[photo.label]])
        rows.append(row)
    labelled = LabelledPredictions(
        files=tuple(files),
        labels=np.array(labels, np.int64),
        probabilities=np.array(rows, np.float32).reshape(len(rows), len(model.labels)),
        classes=model.labels,
        unreadable=tuple(problem.file for problem in problems),
    )
    return labelled, problems


def save_test_predictions(run: Run, labelled: LabelledPredictions) -> None:
    """Save the predictions in the run's folder, for the page, unless the run is active and will save its own.

    Raises:
        AppError: the run's folder cannot be written to.
    """
    if run.state() in ENDED:
        with run.worker.lock():  # or a worker that begins now would take them for what a killed one left
            run.artefacts.write_test_predictions(labelled)
