"""The drop zone: photos and whole folders, dropped, chosen or pasted, with their places in the folders kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError, text
from resnet_demo.ui.guard import uploaded
from resnet_demo.ui.language import Words

STATIC = Path(__file__).with_name("static")
MAX_NAME = 300

# What static/drop.js says; it fills the gaps itself.
SENTENCES = ("title", "choose", "folder", "hint", "sending", "done", "cut", "large", "none", "unreadable")
FAILURES = ("too_much", "later", "lost", "refused")


@dataclass(frozen=True)
class ReceivedPhoto:
    """One photo that a visitor gave.

    `name` is its file name, behind its folders where it came in one (`tulips/a.jpg`); it is for people and classes, and
    no path of this machine. `path` is None where the file was larger than the limit and stayed in the browser.
    """

    name: str
    path: Path | None


def photo_drop(words: Words, settings: Settings, **options: Any) -> Any:
    """A drop zone whose `upload` event comes with a payload for `received`.

    Not a subclass of gr.HTML: Gradio writes a stub file beside the module of every class derived from a component.
    """
    return words.make(
        gr.HTML,
        {"words": _words(settings)},
        value=[],
        html_template=(STATIC / "drop.html").read_text(encoding="utf-8"),
        css_template=(STATIC / "drop.css").read_text(encoding="utf-8"),
        js_on_load=(STATIC / "drop.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        max_bytes=settings.max_upload_bytes,
        max_photos=settings.max_photos,
        **options,
    )


def received(payload: object, settings: Settings) -> list[ReceivedPhoto]:
    """The photos of a payload, which may come from anybody.

    Args:
        payload: `[{"rel": "tulips/a.jpg", "file": {"path": ..., "meta": ...}}, ...]`; an entry without `file` is one
            that was too large to send, and one without `rel` has the uploaded file's own name.

    Raises:
        AppError: not of this shape, more photos than allowed, or a file that was not uploaded here.
    """
    if not isinstance(payload, list):
        raise AppError("guard.problem.payload")
    if len(payload) > settings.max_photos:
        raise AppError("guard.problem.too_many", given=len(payload), most=settings.max_photos)
    return [_received(entry) for entry in payload]


def _received(entry: object) -> ReceivedPhoto:
    if not isinstance(entry, dict):
        raise AppError("guard.problem.payload")
    path = uploaded(entry["file"]) if "file" in entry else None
    name = entry.get("rel")
    if not isinstance(name, str):
        name = path.name if path else ""
    return ReceivedPhoto(_clean(name), path)


def _clean(name: str) -> str:
    """A name that can be shown and cannot climb out of a folder."""
    printable = "".join(letter for letter in name[:MAX_NAME] if letter.isprintable())
    parts = [part for part in re.split(r"[\\/]+", printable) if part.strip(" .")]
    return "/".join(parts) or "?"


def _words(settings: Settings) -> Callable[[str], object]:
    megabytes = settings.max_upload_bytes // MEGABYTE

    def in_language(language: str) -> dict[str, str]:
        sentences = {name: text(f"drop.{name}", language) for name in (*SENTENCES, *FAILURES)}
        return {
            name: sentence.replace("{megabytes}", str(megabytes)).replace("{most}", str(settings.max_photos))
            for name, sentence in sentences.items()
        }

    return in_language
