"""The drop zone: photos, whole folders and archives, dropped, chosen or pasted, with their places in folders kept."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from resnet_demo.data.archive import SUFFIXES
from resnet_demo.data.dataset_storage import disk_errors
from resnet_demo.settings import MEGABYTE, Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.security.file_access import uploaded
from resnet_demo.ui.static_files import static
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import say

MAX_NAME = 300
MOST_PIECES = 1_000

# What the scripts in static/ say; they fill the gaps themselves.
SENTENCES = ("title", "choose", "folder", "hint", "done", "none")
SENDING = ("sending", "cut", "unreadable", "large", "too_much", "later", "not_stored", "lost", "refused")


@dataclass(frozen=True)
class ReceivedPhoto:
    """One photo that a visitor gave, or an archive of photos.

    `name` is its file name, behind its folders where it came in one (`tulips/a.jpg`); it is for people and classes, and
    no path of this machine. `path` is None where the file was larger than the limit and stayed in the browser. A large
    archive comes in pieces: `more` are those after the first.
    """

    name: str
    path: Path | None
    more: tuple[Path, ...] = ()


def photo_drop(translations: Translations, settings: Settings, *, archives: bool = False, **options: Any) -> Any:
    """A drop zone whose `upload` event comes with a payload for `received`; for a data set it takes `archives` too.

    Not a subclass of gr.HTML: Gradio writes a stub file beside the module of every class derived from a component.
    """
    return translations.create(
        gr.HTML,
        # All that the script reads is translated: an update before the page is shown replaces what it was made with.
        {
            "texts": lambda: _texts(settings, archives),
            "max_bytes": lambda: settings.max_upload_bytes,
            "max_photos": lambda: _most(settings, archives),
            "archives": lambda: list(SUFFIXES) if archives else [],
        },
        value=[],
        html_template=static("drop_zone.html"),
        css_template=static("button.css", "drop_zone.css"),
        js_on_load=static("send.js", "drop_zone.js"),
        apply_default_css=False,
        **options,
    )


def received(payload: object, settings: Settings, *, archives: bool = False) -> list[ReceivedPhoto]:
    """The photos of a payload, which may come from anybody.

    Args:
        payload: `[{"rel": "tulips/a.jpg", "file": {"path": ..., "meta": ...}}, ...]`; an entry without `file` is one
            that was too large to send, and one without `rel` has the uploaded file's own name. `more` are files, too.
        archives: whether the zone takes them, and as many photos as a data set may have.

    Raises:
        AppError: not of this shape, more photos than allowed, or a file that was not uploaded here.
    """
    if not isinstance(payload, list):
        raise AppError("file_access.problem.payload")
    most = _most(settings, archives)
    if len(payload) > most:
        raise AppError("file_access.problem.too_many", given=len(payload), most=most)
    return [_received(entry) for entry in payload]


def _received(entry: object) -> ReceivedPhoto:
    if not isinstance(entry, dict):
        raise AppError("file_access.problem.payload")
    path = uploaded(entry["file"]) if "file" in entry else None
    name = entry.get("rel")
    if not isinstance(name, str):
        name = path.name if path else ""
    more = entry.get("more", [])
    if not isinstance(more, list) or len(more) > MOST_PIECES:
        raise AppError("file_access.problem.payload")
    return ReceivedPhoto(_clean(name), path, tuple(map(uploaded, more)))


@contextmanager
def in_one_piece(archive: ReceivedPhoto) -> Iterator[Path]:
    """An archive as one file, put together from its pieces for as long as it is needed.

    Raises:
        AppError: it was never sent, a piece has been cleared away since, or the disk is full.
    """
    if archive.path is None:
        raise AppError("file_access.problem.gone")
    if not archive.more:
        yield archive.path
        return
    uploads = Path(get_upload_folder())
    with disk_errors(uploads):
        temporary = TemporaryDirectory(dir=uploads)
    with temporary as folder:
        whole = Path(folder, "archive")
        with disk_errors(uploads):
            try:
                with whole.open("wb") as file:
                    for piece in (archive.path, *archive.more):
                        with piece.open("rb") as source:
                            shutil.copyfileobj(source, file)
            except FileNotFoundError as error:
                raise AppError("file_access.problem.gone") from error
        yield whole


def _most(settings: Settings, archives: bool) -> int:
    return settings.max_dataset_photos if archives else settings.max_photos


def _clean(name: str) -> str:
    """A name that can be shown and cannot climb out of a folder."""
    printable = "".join(letter for letter in name[:MAX_NAME] if letter.isprintable())
    parts = [part for part in re.split(r"[\\/]+", printable) if part.strip(" .")]
    return "/".join(parts) or "?"


def sending_texts(settings: Settings, *, archives: bool = False) -> dict[str, str]:
    """What static/send.js has to say of files under way."""
    said = {name: say(f"drop.{name}") for name in SENDING}
    return _without_gaps(said, settings, archives)


def _texts(settings: Settings, archives: bool) -> dict[str, str]:
    said = {name: say(f"drop.{name}") for name in SENTENCES}
    if archives:
        said |= {name: say(f"drop.dataset.{name}") for name in ("title", "choose", "hint")}
    return _without_gaps(said, settings, archives) | sending_texts(settings, archives=archives)


def _without_gaps(said: dict[str, str], settings: Settings, archives: bool) -> dict[str, str]:
    """With the limits filled in, which the scripts do not know."""
    gaps = {"{megabytes}": str(settings.max_upload_bytes // MEGABYTE), "{most}": f"{_most(settings, archives):,}"}
    for gap, value in gaps.items():
        said = {name: sentence.replace(gap, value) for name, sentence in said.items()}
    return said
