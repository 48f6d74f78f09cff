"""Evaluation on a run's test photos as HTML: figures, the confusion matrix, photos with their predictions."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from resnet_demo import catalogue
from resnet_demo.data.file_names import display_name
from resnet_demo.evaluation import CLASS_METRICS, ClassMetrics, Evaluation, PhotoResult
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.plots.confusion_matrix import confusion_matrix
from resnet_demo.settings import Settings
from resnet_demo.training.run import Run
from resnet_demo.training.run_title import setup_text
from resnet_demo.ui.components.bars import percent
from resnet_demo.ui.components.inline_images import small_uri
from resnet_demo.ui.components.term import say_with_terms, term
from resnet_demo.ui.tabs.finetune.run_list import made
from resnet_demo.ui.tabs.finetune.run_progress import dataset_name, network_name
from resnet_demo.ui.visitor_context import current_language, say

PROGRAM = ("python", "-m", "resnet_demo")
MOST_CLASSES = 40
"""In the matrix; of more those that were mixed up most."""
MOST_PHOTOS = 40
MOST_NAMES = 20
PHOTO_SIDE = 240
NONE = "–"


def headline(found: Evaluation, uses: int, *, outdated: bool = False) -> str:
    """The figure with its interval, and what it must not be read without; `outdated` where the run has gone on."""
    notes = [say("results.outdated")] if outdated else []
    for key, files in (("results.changed", found.changed), ("results.unreadable", found.unreadable)):
        if files:
            notes.append(say(key, count=len(files), names=_some(map(display_name, files))))
    if not found.photos:
        return "".join(_note(said) for said in (say("evaluation.no_photos"), *notes))
    notes = found.metric_sentences(current_language()) + notes
    low, high = (f"{100 * bound:.1f}" for bound in found.interval)
    about = say_with_terms("results.about", photos=found.photos, low=low, high=high)
    counted = say("results.test_set_uses" if uses > 1 else "results.test_set_used_once", uses=uses)
    heading = f"<h3>{term('accuracy', say('results.accuracy'))}</h3>"
    figure = f"<strong>{100 * found.accuracy:.1f} %</strong>"
    return f'{heading}<div class="headline">{figure}<p>{about}</p></div>' + "".join(map(_note, (counted, *notes)))


def heading(run: Run) -> str:
    """What the run is called, and what tells it from others of the same data set."""
    setup = setup_text(run.config, current_language())
    about = " · ".join(filter(None, (network_name(run.config), setup, made(run.name))))
    return (
        f"<h2>{escape(run.title or dataset_name(run))}</h2>"
        f'<p class="note">{escape(about)}<br><span class="id">{escape(run.name)}</span></p>'
    )


def nothing() -> str:
    """What stands there before there is any run."""
    return _note(say("results.none"))


def not_yet(run: Run | None, key: str, settings: Settings) -> str:
    """Why there is nothing to show; a visitor of this machine is told the command too."""
    if run is None:
        return nothing()
    said = _note(say(key, name=run.title or run.name))
    if settings.local_paths_allowed and key != "results.going_on":
        command = shlex.join([*PROGRAM, *settings.home_flag, "evaluate", run.name, run.config.data])
        said += _note(say("results.evaluate_now")) + f"<pre>{escape(command)}</pre>"
    return said


def table(found: Evaluation) -> str:
    """Precision, recall and F1 of each class."""
    columns = ("class", "photos", *CLASS_METRICS)
    head = "".join(f"<th scope='col'>{_header(name)}</th>" for name in columns)
    names = class_names(found.labels, current_language())
    rows = "".join(_row(one, names.full(one.name)) for one in found.classes)
    said = ""
    if found.unjudged:
        said = _note(
            say("evaluation.without_photos", count=len(found.unjudged), names=_some(map(names.full, found.unjudged)))
        )
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{said}"


def _header(name: str) -> str:
    said = say(f"evaluation.header.{name}")
    return term(name, said) if name in CLASS_METRICS else escape(said)


def _row(one: ClassMetrics, name: str) -> str:
    shares = (NONE if share is None else f"{100 * share:.1f}" for share in one.shares.values())
    cells = "".join(f"<td>{cell}</td>" for cell in (str(one.photos), *shares))
    return f"<tr><th scope='row'>{escape(name)}</th>{cells}</tr>"


def matrix_classes(found: Evaluation) -> list[int]:
    """Which of the classes the matrix shows, in their order."""
    if len(found.classes) <= MOST_CLASSES:
        return list(range(len(found.classes)))
    wrong = found.confusion.sum(axis=0) + found.confusion.sum(axis=1) - 2 * found.confusion.diagonal()
    return sorted(np.argsort(-wrong, kind="stable")[:MOST_CLASSES].tolist())


def matrix(found: Evaluation) -> str:
    """The confusion matrix, with cells to press."""
    classes, names = matrix_classes(found), class_names(found.labels, current_language())
    picture = confusion_matrix(
        [names.short(found.classes[number].name) for number in classes],
        found.confusion[np.ix_(classes, classes)].tolist(),
        rows=say("results.matrix.rows"),
        columns=say("results.matrix.columns"),
        alt_text=say("evaluation.confusion"),
        pressable=True,
    )
    key = "results.matrix.most" if len(classes) < len(found.classes) else "results.matrix.hint"
    hint = say(key, shown=len(classes), classes=len(found.classes))
    title = f"<h3>{term('confusion_matrix', say('evaluation.matrix'))}</h3>"
    return f"{title}<div class='scroll'>{picture}</div>{_note(hint)}"


def gallery(title: str, results: Sequence[PhotoResult], run: Run, max_pixels: int, names: ClassNames) -> str:
    """Photos, the surest results first, each with what was said of it; as many as can be looked through.

    Where the model is still there, each is a button that carries the photo's name as `data-name`.
    """
    pressable = bool(results) and catalogue.of_run(run) is not None
    items = "".join(
        _photo(result, Path(run.config.data, result.file), max_pixels, names, pressable=pressable)
        for result in results[:MOST_PHOTOS]
    )
    notes = []
    if len(results) > MOST_PHOTOS:
        notes.append(say("results.photos.first", shown=MOST_PHOTOS, photos=len(results)))
    if pressable:
        notes.append(say("results.photos.look"))
    return f"<h3>{escape(title)}</h3>{_note(' '.join(notes)) if notes else ''}<ul class='photos'>{items}</ul>"


def _photo(result: PhotoResult, path: Path, max_pixels: int, names: ClassNames, *, pressable: bool) -> str:
    name, uri = escape(display_name(result.file)), small_uri(path, PHOTO_SIDE, max_pixels)
    picture = f'<img src="{uri}" alt="{name}" title="{name}">' if uri else _gone(name)
    if uri and pressable:
        picture = f'<button type="button" data-name="{name}">{picture}</button>'
    true = f"<span>{escape(say('results.photos.true', name=names.full(result.true)))}</span>" if result.wrong else ""
    return (
        f"<li><figure>{picture}<figcaption><b>{escape(names.full(result.predicted))}</b> {percent(result.probability)}"
        f"{true}</figcaption></figure></li>"
    )


def _gone(name: str) -> str:
    return f'<p class="gone" title="{name}">{escape(say("results.photos.gone"))}</p>'


def model_place(run: Run, settings: Settings) -> str:
    """What the model is and, to a visitor of this machine, where it is and how to use it; nothing where it is gone."""
    entry = catalogue.of_run(run)
    if entry is None:
        return ""
    said = _note(say("results.model", model=entry.say(current_language())))
    if not settings.local_paths_allowed:
        return said
    program, photos = shlex.join([*PROGRAM, *settings.home_flag]), say("results.model.photos")
    command = f"{program} classify {photos} --model {run.name}"
    folder = say("results.model.folder", folder=str(run.artefacts.best))
    return f"{said}{_note(folder)}<pre>{escape(command)}</pre>"


def _some(names: Iterable[str]) -> str:
    """Names with commas between, as many as can be read."""
    told = list(names)
    return ", ".join(told[:MOST_NAMES]) + (", …" if len(told) > MOST_NAMES else "")


def _note(said: str) -> str:
    return f'<p class="note">{escape(said)}</p>'
