"""The photos to evaluate a model on, as far as possible none that it was trained on, and its predictions for them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resnet_demo.data.folder_labels import Reading
from resnet_demo.data.image_folder import AS_IT_SEEMS, Dataset, Photo
from resnet_demo.data.images import Problem, has_content
from resnet_demo.data.index import forget_files
from resnet_demo.models import model_folders
from resnet_demo.models.label_matching import match_labels
from resnet_demo.models.model_folders import BEST
from resnet_demo.settings import Settings, expanded
from resnet_demo.texts import AppError, Message
from resnet_demo.training.evaluation_count import count_test_set_uses
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.listed_runs import all_runs
from resnet_demo.training.run import Run
from resnet_demo.training.run_folder import ENDED
from resnet_demo.training.seen_photos import SeenPhotos, seen_photos

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction
    from resnet_demo.models.model import Model

MOST_NAMES = 12


@dataclass(frozen=True)
class EvaluationSet:
    """Photos to evaluate a model on, each of a class that it knows; `labels` is the model's label of each.

    `test_of` is the run whose test photos they are, if they are. `notes` are what a reader of the result has to know;
    the first says which photos these are, or why there are none. `learnt` counts photos that were left out because the
    model has seen them in training; None where that is not known.
    """

    photos: tuple[Photo, ...]
    labels: tuple[int, ...]
    notes: tuple[Message, ...]
    test_of: Run | None = None
    learnt: int | None = None

    def require_photos(self) -> EvaluationSet:
        """The same, if there is a photo left.

        Raises:
            AppError: the model has seen them all.
        """
        if not self.photos:
            raise AppError("evaluate.problem.all_learnt", learnt=self.learnt or 0)
        return self

    def without(self, paths: Collection[str]) -> EvaluationSet:
        """The same without some photos."""
        kept = [(photo, label) for photo, label in self.labelled_photos if photo.path not in paths]
        return replace(self, photos=tuple(photo for photo, _ in kept), labels=tuple(label for _, label in kept))

    @property
    def labelled_photos(self) -> Iterator[tuple[Photo, int]]:
        """Each photo with its label."""
        return zip(self.photos, self.labels, strict=True)


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


def choose_photos(model: Model, run: Run | None, dataset: Dataset, settings: Settings) -> EvaluationSet:
    """Choose the photos of a data set to evaluate a model on, made by `run` where that is known.

    Of the very data set that it was trained on these are the run's test photos; else the test part that the folders
    give, or all photos where they give none. Photos that the model has seen in training are left out, whatever they
    are called now.

    Args:
        settings: of the data home with the runs whose uses of the same test photos count too.

    Raises:
        AppError: the model knows none of their classes.
    """
    same = dataset.is_known_as(model.training_info.data)
    given = tuple(photo for photo in dataset.photos if photo.split == "test")
    test_of = None
    if same and run is not None:
        chosen = tuple(dataset.photos[index] for index in run.facts["split"]["test"])
        uses = count_test_set_uses(run, all_runs(settings.home)) + 1
        note, test_of = Message("evaluate.by.run", {"name": run.name, "uses": uses}), run
    elif given:
        chosen, note = given, Message("evaluate.by.split")
    else:
        chosen, note = dataset.photos, Message("evaluate.by.all")
    known, notes = _of_known_classes(model, dataset, chosen)
    seen = _seen(run, dataset, settings)
    fresh = [(photo, label) for photo, label in known if photo not in seen]
    learnt = (len(known) - len(fresh)) or (0 if seen.known else None)
    if not (seen.known or test_of or _is_published(model)):
        notes.insert(0, _not_known(same, run, dataset))
    if learnt:
        note = Message("evaluate.by.rest") if note.key == "evaluate.by.all" else note
        notes.insert(0, Message("evaluate.note.learnt", {"learnt": learnt, "photos": len(known)}))
    if not fresh:
        note = Message("evaluate.problem.all_learnt", {"learnt": len(known)})
    photos, labels = (tuple(of for of in column) for column in zip(*fresh, strict=True)) if fresh else ((), ())
    return EvaluationSet(photos, labels, (note, *notes), test_of if fresh else None, learnt)


def _seen(run: Run | None, dataset: Dataset, settings: Settings) -> SeenPhotos:
    """The photos that a model has seen in the run that made it and in those that made what it started from."""
    if run is None:
        return SeenPhotos(known=False)
    seen, runs = SeenPhotos(), [run]
    for one in runs:  # grows by the parent's run
        seen |= seen_photos(one, dataset, settings)
        parent = one.config.parent
        before = model_and_run(parent, settings)[1] if parent else None
        if before is not None and before not in runs:
            runs.append(before)
        elif before is None and parent and model_folders.folder_of(parent, settings):
            seen |= SeenPhotos(known=False)
    return seen


def _is_published(model: Model) -> bool:
    """Whether its photos are those of ImageNet, as everybody knows."""
    return model.top1 is not None


def _not_known(same: bool, run: Run | None, dataset: Dataset) -> Message:
    """The note where it is not known which photos a model has seen."""
    if same:
        return Message("evaluate.note.used_in_training")
    if run is not None and Path(run.config.data) == dataset.root:
        return Message("evaluate.note.changed")
    return Message("evaluate.note.not_known")


def _of_known_classes(
    model: Model, dataset: Dataset, chosen: Sequence[Photo]
) -> tuple[list[tuple[Photo, int]], list[Message]]:
    """The chosen photos whose class is one of the model's labels, with that; and notes on the others.

    Raises:
        AppError: there is none.
    """
    names = [dataset.classes[label] for label in sorted({photo.label for photo in chosen})]
    matches = match_labels(names, model.labels)
    by_name = [(photo, dataset.classes[photo.label]) for photo in chosen]
    known = [(photo, matches.index[name]) for photo, name in by_name if name in matches.index]
    if not known:
        raise AppError(
            "evaluate.problem.no_class", folder=dataset.name, classes=_listed(names), known=_listed(model.labels)
        )
    notes = []
    if matches.respelled:
        pairs = _listed(f"{name} = {label}" for name, label in matches.respelled.items())
        notes.append(Message("evaluate.note.matched", {"pairs": pairs}))
    left_out = Counter(name for _, name in by_name if name not in matches.index)
    unclear = {name: count for name, count in left_out.items() if name in matches.ambiguous}
    unknown = {name: count for name, count in left_out.items() if name not in matches.ambiguous}
    if unclear:
        meanings = _listed(f"{name} ({_listed(matches.ambiguous[name])})" for name in unclear)
        notes.append(Message("evaluate.note.ambiguous", {"photos": sum(unclear.values()), "classes": meanings}))
    if unknown:
        photos = sum(unknown.values())
        notes.append(Message("evaluate.note.unknown", {"photos": photos, "classes": _listed(unknown)}))
    if dataset.unlabelled:
        notes.append(Message("evaluate.note.unlabelled", {"photos": dataset.unlabelled}))
    return known, notes


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
        evaluation_set = evaluation_set.without(changed)
    paths = [dataset.root / photo.path for photo in evaluation_set.photos]
    predictions = Classifier(model, settings, "float32").classify(paths, len(model.labels))
    labelled, problems = collect_predictions(evaluation_set, model, monitor(predictions, len(paths)))
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
    evaluation_set: EvaluationSet, model: Model, predictions: Iterable[Prediction]
) -> tuple[LabelledPredictions, list[Problem]]:
    """The predictions for all photos with their true labels, and the problems of those that cannot be read."""
    files, labels, rows, problems = [], [], [], []
    for (photo, label), prediction in zip(evaluation_set.labelled_photos, predictions, strict=True):
        if prediction.problem:
            problems.append(Problem(photo.path, prediction.problem.kind, prediction.problem.fields))
            continue
        row = np.zeros(len(model.labels), np.float32)
        for guess in prediction.guesses:
            row[guess.index] = guess.probability
        files.append(photo.path)
        labels.append(label)
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
