"""What an event leaves as it is costs nothing.

For each output that a handler skips, Gradio 6.31 makes a new component all the same; most events of this page change
few of their outputs, and a tick of its clock mostly none.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import gradio as gr

SKIP = {"__type__": "update"}


def check_gradio() -> None:
    """Look whether this Gradio hands on what handlers return in the way that is changed here.

    Raises:
        RuntimeError: it does not.
    """
    postprocess = getattr(gr.Blocks, "postprocess_data", None)
    if (
        postprocess is None
        or list(inspect.signature(postprocess).parameters) != ["self", "block_fn", "predictions", "state"]
        or "postprocess_data" not in gr.Blocks.process_api.__code__.co_names
        or gr.skip() != SKIP
    ):
        raise RuntimeError(f"gradio {gr.__version__} has another way of skipping outputs")


def spare(demo: gr.Blocks) -> None:
    """Have `demo` look only at outputs that are not skipped."""
    postprocess = demo.postprocess_data

    async def spared(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        outputs = list(block_fn.outputs)
        several = len(outputs) > 1
        if several and _is_skip(predictions):
            predictions = [predictions] * len(outputs)
        given = list(predictions) if several and isinstance(predictions, list | tuple) else [predictions]
        if block_fn.batch or len(given) != len(outputs) or not any(map(_is_skip, given)):
            whole: list[Any] = await postprocess(block_fn, predictions, state)
            return whole
        changed = [number for number, value in enumerate(given) if not _is_skip(value)]
        done = [None if output.stateful else dict(SKIP) for output in outputs]
        if changed:
            fewer = copy.copy(block_fn)
            fewer.outputs = [outputs[number] for number in changed]
            values = [given[number] for number in changed]
            for number, value in zip(
                changed, await postprocess(fewer, values if len(values) > 1 else values[0], state), strict=True
            ):
                done[number] = value
        return done

    demo.postprocess_data = spared


def _is_skip(value: object) -> bool:
    return isinstance(value, dict) and value == SKIP
