"""Outputs that a handler skips are not processed.

For each output that a handler skips, Gradio 6.31 makes a new component all the same; most events of this page change
few of their outputs, and a tick of its clock mostly none. Of several outputs, a handler returns a dict of those that it
changes, by component; an empty one, as `gr.skip()`, where it changes none.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import convert_component_dict_to_list

SKIP = {"__type__": "update"}


def check_gradio() -> None:
    """Check that this Gradio processes what handlers return in the way that is changed here.

    Raises:
        RuntimeError: it does not.
    """
    postprocess = getattr(gr.Blocks, "postprocess_data", None)
    if (
        postprocess is None
        or list(inspect.signature(postprocess).parameters) != ["self", "block_fn", "predictions", "state"]
        or "postprocess_data" not in gr.Blocks.process_api.__code__.co_names
        or "convert_component_dict_to_list" not in postprocess.__code__.co_names
        or gr.skip() != SKIP
    ):
        raise RuntimeError(f"gradio {gr.__version__} has another way of skipping outputs")


def process_only_changed(demo: gr.Blocks) -> None:
    """Have `demo` process only those outputs of a handler that are not skipped."""
    postprocess = demo.postprocess_data

    async def postprocess_changed(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        outputs = list(block_fn.outputs)
        several = len(outputs) > 1
        if several and isinstance(predictions, dict):
            predictions = _in_order(outputs, predictions)
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

    demo.postprocess_data = postprocess_changed


def _in_order(outputs: Sequence[Any], predictions: dict[Any, Any]) -> Any:
    """A value or a skip for each output; what is no dict by component stays as it is."""
    if not predictions or _is_skip(predictions):
        return [SKIP] * len(outputs)
    return convert_component_dict_to_list(outputs, predictions)


def _is_skip(value: object) -> bool:
    return isinstance(value, dict) and value == SKIP
