"""Results of classified photos on the page: the status, and the rows of the list."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from resnet_demo.models.class_names import ClassNames
from resnet_demo.settings import MEGABYTE
from resnet_demo.ui.tabs.classify.classification import State
from resnet_demo.ui.tabs.classify.results import Results
from resnet_demo.ui.visitor_context import current_language, in_each_language, say

if TYPE_CHECKING:
    from resnet_demo.inference import Prediction

COUNTS_SHOWN = 6
HEADERS = ("number", "file", "top1", "p1", "top2")
LIST_TEXTS = ("class", "any", "least", "most", "show", "all", "named", "problem", "differ", "clear", "shown", "more")


def empty() -> str:
    """What stands where the prediction will be, as HTML."""
    return f"<p class='empty'>{escape(say('classify.empty'))}</p>"


def is_empty(status: str) -> bool:
    """Whether nothing has been answered yet: a state that is gone looks like one that never was."""
    return status in in_each_language(empty)


def list_texts() -> dict[str, str]:
    """What static/photo_list.js has to say."""
    headers = {name: say(f"classify.header.{name}") for name in HEADERS}
    named = {name: say(f"classify.{name}") for name in ("gallery", "table")}
    return {**headers, **named, **{name: say(f"classify.list.{name}") for name in LIST_TEXTS}}


def rows(results: Results, start: int = 0) -> str:
    """The value of the list, as its script reads it: the rows from number `start` on."""
    names = results.names
    sent = [
        [
            row.photo.name,
            results.thumbnail_of(number),
            row.prediction.problem and row.prediction.problem.say(current_language()),
            *_guesses(row.prediction, 2, names),
            *(cell for other in results.compared.values() for cell in _guesses(other[number], 1, names)),
        ]
        for number, row in enumerate(results.rows[start:], start)
    ]
    models = [results.model.name, *results.compared]
    return json.dumps({"folder": str(results.files.folder), "models": models, "start": start, "rows": sent})


def no_rows() -> str:
    """The value of the list where there are no results."""
    return json.dumps({"folder": None, "models": [], "start": 0, "rows": []})


def _guesses(prediction: Prediction, count: int, names: ClassNames) -> list[object]:
    """Class and probability of the best ones; None where there are not so many."""
    cells: list[object] = []
    for guess in prediction.guesses[:count]:
        cells += [names.full(guess.label), round(guess.probability, 4)]
    return cells + [None] * (2 * count - len(cells))


def progress(state: State) -> str:
    """How far a request is, with the button that stops it, as HTML."""
    if state.downloaded is not None:
        done, total = state.downloaded
        said = say("classify.downloading_model", model=state.model, megabytes=done // MEGABYTE)
        bar = "<progress></progress>" if not total else f'<progress value="{done}" max="{total}"></progress>'
    else:
        key = "classify.opening" if state.results is None else "classify.so_far"
        said = say(key, done=state.done, photos=state.photos, model=state.model)
        bar = f'<progress value="{state.done}" max="{state.photos}"></progress>'
    stop = f'<button type="button" data-name="stop">{escape(say("classify.stop"))}</button>'
    return f'<p class="working">{escape(said)}</p><div class="bar">{bar}{stop}</div>'


def failed(sentence: str) -> str:
    """Why there is no answer, as HTML."""
    return f'<p class="failed">{escape(sentence)}</p>'


def status(results: Results) -> str:
    """How it went and by whom, as HTML."""
    named = sum(1 for _ in results.named())
    if results.photos == 1 and not named and results.asked is None:
        return f"<p>{escape(say('classify.none_named'))}</p>"
    model = results.model
    if results.asked is not None:
        done = say("classify.stopped", done=results.photos, photos=results.asked, model=model.name)
    else:
        done = say(
            "classify.done" if results.photos > 1 else "classify.done_one",
            photos=results.photos,
            named=named,
            model=model.name,
            seconds=f"{results.seconds:.2f}",
            rate=f"{results.photos / max(results.seconds, 1e-3):.1f}",
        )
    about = say("classify.weights", provenance=model.provenance.say(current_language()))
    if model.top1 is not None:
        about += " " + say("classify.published_top1", percent=f"{model.top1:.1f}")
    about = " ".join([about, *(note.say(current_language()) for note in model.notes)])
    counts = f'<p class="counts">{escape(_counts(results))}</p>' if results.photos > 1 else ""
    return f"<p>{escape(done)}</p>{counts}<p class='about'>{escape(about)}</p>"


def _counts(results: Results) -> str:
    """How many photos are of each class, the most frequent ones first, and how many have a problem."""
    counts = results.counts().most_common()
    said = [f"{results.names.short(label)} {photos}" for label, photos in counts[:COUNTS_SHOWN]]
    if len(counts) > COUNTS_SHOWN:
        said.append(say("classify.list.more", count=len(counts) - COUNTS_SHOWN))
    problems = len(results.rows) - sum(photos for _, photos in counts)
    if problems:
        said.append(say("classify.with_problem", photos=problems))
    if results.compared:
        differ = sum(_differs(results, number) for number, _ in results.named())
        said.append(say("classify.with_difference", photos=differ))
    return " · ".join(said)


def _differs(results: Results, number: int) -> bool:
    best = results.rows[number].prediction.guesses[0].label
    others = (predictions[number].guesses for predictions in results.compared.values())
    return any(guesses and guesses[0].label != best for guesses in others)
