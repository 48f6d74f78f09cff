"""What is said of classified photos: how far it is or how it went, the table, the problems."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from resnet_demo.texts import LANGUAGES, text
from resnet_demo.ui.results import Results


def empty(language: str) -> str:
    """What stands where the answer will be, as HTML."""
    return f"<p>{escape(text('classify.empty', language))}</p>"


def is_empty(status: str) -> bool:
    """Whether nothing has been answered yet: a state that is gone looks like one that never was."""
    return status in map(empty, LANGUAGES)


def say_again(results: Results | None, language: str, status: str) -> tuple[Any, Any, Any]:
    """`say` in another language; what is on the page stays where its results are no longer kept."""
    if results is None:
        return empty(language) if is_empty(status) else gr.skip(), gr.skip(), gr.skip()
    return say(results, language)


def say(results: Results, language: str) -> tuple[Any, Any, Any]:
    """What stands in words: the status, the table and the problems."""
    problems = results.problems(language)
    return (
        _status(results, language),
        _table(("number", "file", "top1", "p1", "top2", "p2"), results.table(), language),
        gr.update(value=_table(("file", "problem"), problems, language), visible=bool(problems)),
    )


def _table(columns: tuple[str, ...], rows: list[Any], language: str) -> dict[str, Any]:
    return {"headers": [text(f"classify.header.{name}", language) for name in columns], "data": rows}


def _status(results: Results, language: str) -> str:
    """How far it is, or how it went and by whom, as HTML."""
    if not results.complete:
        return escape(text("classify.so_far", language, done=len(results.rows), photos=results.photos))
    named = sum(1 for _ in results.named())
    if results.photos == 1 and not named:
        return f"<p>{escape(text('classify.none_named', language))}</p>"
    model = results.model
    done = text(
        "classify.done" if results.photos > 1 else "classify.done_one",
        language,
        photos=results.photos,
        named=named,
        model=model.name,
        seconds=f"{results.seconds:.2f}",
        rate=f"{results.photos / max(results.seconds, 1e-3):.1f}",
    )
    about = text("classify.weights", language, provenance=model.provenance.say(language))
    if model.top1 is not None:
        about += " " + text("classify.published_top1", language, percent=f"{model.top1:.1f}")
    return f"<p>{escape(done)}</p><p class='about'>{escape(about)}</p>"
