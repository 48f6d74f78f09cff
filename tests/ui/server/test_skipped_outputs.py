"""Outputs that are skipped: the same answers as Gradio's own, with nothing made for them."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from resnet_demo.ui.server import skipped_outputs


def page() -> gr.Blocks:
    with gr.Blocks() as demo:
        outputs = [gr.Textbox(), gr.State(None), gr.Dropdown(choices=["a", "b"]), gr.HTML()]
        gr.Button().click(lambda: None, None, outputs)
        gr.Button().click(lambda: None, None, outputs[0])
    return demo


def answer(demo: gr.Blocks, returned: Any, *, several: bool = True) -> tuple[list[Any], set[int]]:
    """What is sent, and the numbers of components that a session then has as its own."""
    functions = [function for function in demo.fns.values() if (len(function.outputs) > 1) == several]
    state = SessionState(demo)
    before = dict(state.blocks_config.blocks)
    # A copy, since Gradio takes updates apart. Of an HTML that is skipped it sends a property "__type__" of no meaning.
    given = {key: deepcopy(value) for key, value in returned.items()} if type(returned) is dict else deepcopy(returned)
    sent = asyncio.run(demo.postprocess_data(functions[0], given, state))
    sent = [
        skipped_outputs.SKIP if one == {"props": skipped_outputs.SKIP, **skipped_outputs.SKIP} else one for one in sent
    ]
    made = {number for number, block in state.blocks_config.blocks.items() if before[number] is not block}
    return sent, made


@pytest.mark.parametrize(
    ("returned", "several"),
    [
        (["x", 1, "b", "<p>"], True),
        ([gr.skip(), gr.skip(), gr.skip(), gr.skip()], True),
        (("x", gr.skip(), gr.skip(), "<p>"), True),
        ([gr.skip(), 5, gr.update(choices=["c"], value="c"), gr.skip()], True),
        ([gr.update(), gr.update(value=None), gr.update(visible=False), gr.skip()], True),
        (gr.skip(), True),
        (gr.skip(), False),
        ("x", False),
        (gr.update(value="x", visible=True), False),
    ],
)
def test_answers_are_those_of_gradio(returned: Any, several: bool) -> None:
    ours, theirs = page(), page()
    skipped_outputs.process_only_changed(ours)
    assert answer(ours, returned, several=several)[0] == answer(theirs, returned, several=several)[0]


def test_nothing_is_made_for_what_is_skipped() -> None:
    demo = page()
    skipped_outputs.process_only_changed(demo)
    for nothing in ([gr.skip()] * 4, gr.skip(), {}):
        sent, made = answer(demo, nothing)
        assert sent == [skipped_outputs.SKIP, None, skipped_outputs.SKIP, skipped_outputs.SKIP]
        assert made == set()
    [dropdown] = [number for number, block in demo.blocks.items() if isinstance(block, gr.Dropdown)]
    assert answer(demo, [gr.skip(), 1, gr.update(visible=False), gr.skip()])[1] == {dropdown}


def test_updates_by_component_are_those_of_gradio_and_make_nothing_else() -> None:
    ours, theirs = page(), page()
    skipped_outputs.process_only_changed(ours)
    for names in (["Textbox"], ["Dropdown", "State"], ["Textbox", "State", "Dropdown", "HTML"]):
        sent = []
        for demo in (ours, theirs):
            kinds = {type(block).__name__: block for block in demo.blocks.values()}
            changed = {kinds[name]: gr.update(value="a") for name in names}
            sent.append(answer(demo, changed))
        (ours_sent, made), (theirs_sent, _) = sent
        assert ours_sent == theirs_sent
        assert made == {block._id for block in ours.blocks.values() if type(block).__name__ in {*names} - {"State"}}


def test_a_wrong_number_of_outputs_is_still_told() -> None:
    demo = page()
    skipped_outputs.process_only_changed(demo)
    with pytest.raises(ValueError, match="enough output values"):
        answer(demo, [gr.skip()] * 3)


def test_another_gradio_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    skipped_outputs.check_gradio()
    monkeypatch.delattr(gr.Blocks, "postprocess_data")
    with pytest.raises(RuntimeError, match="skipping outputs"):
        skipped_outputs.check_gradio()
