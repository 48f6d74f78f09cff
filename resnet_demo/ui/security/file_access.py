"""File access: an input may name files that were uploaded here, and no other file of this machine.

Gradio 6.31 checks a file reference only if it carries `meta`, and its Image, Gallery and ImageSlider take references
without: a bare `{"path": "/etc/passwd"}` in a POST would be opened. `restrict_file_access` closes that for a whole
page, whatever its components; `uploaded` is for the code that takes a reference apart itself.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from resnet_demo.texts import AppError
from resnet_demo.ui.errors import VisitorError


@dataclass(frozen=True, eq=False)
class CheckedPayload:
    """A payload that was checked, on its way past Gradio to a handler of ours.

    Gradio would look for each of its files once more and hash them all, on the event loop, while every visitor waits.
    """

    payload: Any


def uploaded(reference: object) -> Path:
    """The uploaded file behind one file reference of a payload.

    Args:
        reference: `{"path": "...", "meta": {"_type": "gradio.FileData"}}`, as the browser sends it.

    Raises:
        AppError: the reference names anything but an uploaded file, or one that has been cleared away since.
    """
    path = _of_upload(reference)
    if not path.is_file():
        raise AppError("file_access.problem.gone")
    return path


def refuse_foreign_files(payload: object) -> None:
    """Check every file reference in a payload, however deeply nested.

    Raises:
        AppError: one of them names something outside the folder of uploads.
    """
    waiting: list[object] = [payload]
    known: set[str] = set()  # the same file many times is looked for once
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            path = item.get("path")
            if isinstance(path, str) and not (path in known and _is_reference(item)):
                _of_upload(item)
                known.add(path)
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


def restrict_file_access(demo: gr.Blocks) -> None:
    """Have `demo` check every input before any of its components reads it.

    Raises:
        RuntimeError: this Gradio hands inputs on in another way. No page is better than an open one.
    """
    preprocess = getattr(demo, "preprocess_data", None)
    expected = ["block_fn", "inputs"]
    if (
        preprocess is None
        or list(inspect.signature(preprocess).parameters)[:2] != expected
        or "preprocess_data" not in gr.Blocks.process_api.__code__.co_names
    ):
        raise RuntimeError(f"gradio {gr.__version__} has no Blocks.preprocess_data(block_fn, inputs) to guard")

    async def checked(block_fn: Any, inputs: list[Any], *rest: Any, **options: Any) -> Any:
        try:
            # In a thread: thousands of files are looked for on the disk, and others are answered meanwhile.
            await asyncio.to_thread(refuse_foreign_files, inputs)
        except AppError as error:
            raise VisitorError(error.say()) from error
        zones = {number for number, block in enumerate(block_fn.inputs) if isinstance(block, gr.HTML)}
        zones -= set(block_fn.component_prop_inputs)
        checked_inputs = [CheckedPayload(value) if number in zones else value for number, value in enumerate(inputs)]
        processed = await preprocess(block_fn, checked_inputs, *rest, **options)
        return [value.payload if isinstance(value, CheckedPayload) else value for value in processed]

    demo.preprocess_data = checked


def inside_uploads(path: str) -> Path | None:
    """The file or folder that `path` leads to, links followed; None where that is not among the uploads."""
    try:
        resolved = Path(path).resolve()
    except (OSError, ValueError):
        return None
    return resolved if resolved.is_relative_to(Path(get_upload_folder()).resolve()) else None


def _of_upload(reference: object) -> Path:
    if isinstance(reference, dict) and _is_reference(reference) and (found := inside_uploads(reference["path"])):
        return found
    raise AppError("file_access.problem.foreign")


def _is_reference(item: dict[Any, Any]) -> bool:
    match item:
        case {"path": str(), "meta": {"_type": "gradio.FileData"}}:
            return True
    return False
