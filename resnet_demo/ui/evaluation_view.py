"""What came of a run's test photos, as HTML: figures, the confusion matrix, photos with what was said of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from resnet_demo import catalogue
from resnet_demo.data.names import shown
from resnet_demo.evaluation import Answer, ClassFigures, Evaluation
from resnet_demo.plots.confusion import confusion
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training.run import Run
from resnet_demo.ui.bars import percent
from resnet_demo.ui.pictures import small_uri

PROGRAM = ("python", "-m", "resnet_demo")
MOST_CLASSES = 40
"""In the matrix; of more those that were mixed up most."""
MOST_PHOTOS = 40
MOST_NAMES = 20
PHOTO_SIDE = 240
COLUMNS = ("class", "photos", "precision", "recall", "f1")
NONE = "–"


def headline(found: Evaluation, looks: int, language: str, *, outdated: bool = False) -> str:
    """The figure with its interval, and what it must not be read without; `outdated` where the run has gone on."""
    notes = [text("results.outdated", language)] if outdated else []
    for key, files in (("results.changed", found.changed), ("results.unreadable", found.unreadable)):
        if files:
            notes.append(text(key, language, count=len(files), names=_some(map(shown, files))))
    if not found.photos:
        return "".join(_note(said) for said in (text("evaluation.no_photos", language), *notes))
    if found.top5 is not None:
        notes.insert(0, text("evaluation.top5", language, percent=f"{100 * found.top5:.1f}"))
    low, high = (f"{100 * bound:.1f}" for bound in found.interval)
    about = text("results.about", language, photos=found.photos, low=low, high=high)
    counted = text("results.looks" if looks > 1 else "results.one_look", language, looks=looks)
    figure = f"<strong>{100 * found.accuracy:.1f} %</strong>"
    return f'<div class="headline">{figure}<p>{escape(about)}</p></div>' + "".join(map(_note, (counted, *notes)))


def nothing(language: str) -> str:
    """What stands there before there is any run."""
    return _note(text("results.none", language))


def not_yet(run: Run | None, key: str, language: str, settings: Settings) -> str:
    """Why there is nothing to show; a visitor of this machine is told the command too."""
    if run is None:
        return nothing(language)
    said = _note(text(key, language, name=run.name))
    if settings.local_paths_allowed and key != "results.going_on":
        command = shlex.join([*PROGRAM, *settings.home_flag, "evaluate", run.name, run.config.data])
        said += _note(text("results.look_now", language)) + f"<pre>{escape(command)}</pre>"
    return said


def table(found: Evaluation, language: str) -> str:
    """Precision, recall and F1 of each class."""
    head = "".join(f"<th scope='col'>{escape(text(f'evaluation.header.{name}', language))}</th>" for name in COLUMNS)
    rows = "".join(map(_row, found.classes))
    said = ""
    if found.unjudged:
        said = _note(text("evaluation.unjudged", language, count=len(found.unjudged), names=_some(found.unjudged)))
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{said}"


def _row(one: ClassFigures) -> str:
    shares = (NONE if share is None else f"{100 * share:.1f}" for share in (one.precision, one.recall, one.f1))
    cells = "".join(f"<td>{cell}</td>" for cell in (str(one.photos), *shares))
    return f"<tr><th scope='row'>{escape(one.name)}</th>{cells}</tr>"


def matrix_classes(found: Evaluation) -> list[int]:
    """Which of the classes the matrix shows, in their order."""
    if len(found.classes) <= MOST_CLASSES:
        return list(range(len(found.classes)))
    wrong = found.confusion.sum(axis=0) + found.confusion.sum(axis=1) - 2 * found.confusion.diagonal()
    return sorted(np.argsort(-wrong, kind="stable")[:MOST_CLASSES].tolist())


def matrix(found: Evaluation, language: str) -> str:
    """The confusion matrix, with cells to press."""
    classes = matrix_classes(found)
    picture = confusion(
        [found.classes[number].name for number in classes],
        found.confusion[np.ix_(classes, classes)].tolist(),
        rows=text("results.matrix.rows", language),
        columns=text("results.matrix.columns", language),
        said=text("evaluation.confusion", language),
        pressable=True,
    )
    key = "results.matrix.most" if len(classes) < len(found.classes) else "results.matrix.hint"
    hint = text(key, language, shown=len(classes), classes=len(found.classes))
    return f"<div class='scroll'>{picture}</div>{_note(hint)}"


def gallery(title: str, answers: Sequence[Answer], run: Run, max_pixels: int, language: str) -> str:
    """Photos, the surest answers first, each with what was said of it; as many as can be looked through.

    Where the model is still there, each is a button that carries the photo's name as `data-name`.
    """
    pressable = bool(answers) and catalogue.of_run(run) is not None
    items = "".join(
        _photo(answer, Path(run.config.data, answer.file), max_pixels, language, pressable=pressable)
        for answer in answers[:MOST_PHOTOS]
    )
    notes = []
    if len(answers) > MOST_PHOTOS:
        notes.append(text("results.photos.first", language, shown=MOST_PHOTOS, photos=len(answers)))
    if pressable:
        notes.append(text("results.photos.look", language))
    return f"<h3>{escape(title)}</h3>{_note(' '.join(notes)) if notes else ''}<ul class='photos'>{items}</ul>"


def _photo(answer: Answer, path: Path, max_pixels: int, language: str, *, pressable: bool) -> str:
    name, uri = escape(shown(answer.file)), small_uri(path, PHOTO_SIDE, max_pixels)
    picture = f'<img src="{uri}" alt="{name}" title="{name}">' if uri else _gone(name, language)
    if uri and pressable:
        picture = f'<button type="button" data-name="{name}">{picture}</button>'
    true = f"<span>{escape(text('results.photos.true', language, name=answer.true))}</span>" if answer.wrong else ""
    return (
        f"<li><figure>{picture}<figcaption><b>{escape(answer.said)}</b> {percent(answer.probability)}"
        f"{true}</figcaption></figure></li>"
    )


def _gone(name: str, language: str) -> str:
    return f'<p class="gone" title="{name}">{escape(text("results.photos.gone", language))}</p>'


def model_place(run: Run, language: str, settings: Settings) -> str:
    """What the model is and, to a visitor of this machine, where it is and how to use it; nothing where it is gone."""
    entry = catalogue.of_run(run)
    if entry is None:
        return ""
    said = _note(text("results.model", language, model=entry.say(language)))
    if not settings.local_paths_allowed:
        return said
    program, photos = shlex.join([*PROGRAM, *settings.home_flag]), text("results.model.photos", language)
    command = f"{program} classify {photos} --model {run.name}"
    return f"{said}{_note(text('results.model.folder', language, folder=str(run.best)))}<pre>{escape(command)}</pre>"


def _some(names: Iterable[str]) -> str:
    """Names with commas between, as many as can be read."""
    told = list(names)
    return ", ".join(told[:MOST_NAMES]) + (", …" if len(told) > MOST_NAMES else "")


def _note(said: str) -> str:
    return f'<p class="note">{escape(said)}</p>'
