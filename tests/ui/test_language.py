"""The register of words: first shown, switched, and immune to what a stranger stores."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from resnet_demo.texts import best_language, text
from resnet_demo.ui.language import Words


def page_of_two() -> tuple[gr.Blocks, gr.Button]:
    with gr.Blocks(analytics_enabled=False) as demo:
        words = Words()
        words.make_selector()
        button = words.make(gr.Button, {"value": "drop.choose"}, variant="primary")
        words.make(gr.Textbox, {"label": "drop.title", "placeholder": lambda language: language.upper()})
        words.connect(demo)
    return demo, button


def test_first_language() -> None:
    _, button = page_of_two()
    assert button.value == text("drop.choose")
    assert button.variant == "primary"


@pytest.mark.parametrize(
    ("stored", "header", "language"),
    [
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh-CN", "en", "zh-CN"),
        ("tlh", "zh", "zh-CN"),
        ({"path": "/etc/passwd"}, "zh", "zh-CN"),
    ],
)
def test_on_load(stored: Any, header: str | None, language: str) -> None:
    demo, _ = page_of_two()
    load = next(fn.fn for fn in demo.fns.values() if fn.targets[0][1] == "load")
    request = gr.Request(headers={"accept-language": header} if header else {})
    selector, button, box = load(stored, request)
    assert selector["value"] == language
    assert button["value"] == text("drop.choose", language)
    assert (box["label"], box["placeholder"]) == (text("drop.title", language), language.upper())


@pytest.mark.parametrize(("stored", "header"), [(None, None), ("en", "zh-CN"), (["zh-CN"], "en")])
def test_a_page_in_the_language_that_it_was_made_in_is_left_as_it_is(stored: Any, header: str | None) -> None:
    demo, _ = page_of_two()
    load = next(fn.fn for fn in demo.fns.values() if fn.targets[0][1] == "load")
    request = gr.Request(headers={"accept-language": header} if header else {})
    assert load(stored, request) == [gr.skip()] * 3
    selector, button, box = (
        block for block in demo.blocks.values() if isinstance(block, gr.Radio | gr.Button | gr.Textbox)
    )
    assert selector.value == "en"
    assert button.value == text("drop.choose", "en")
    assert box.label == text("drop.title", "en")


def test_switch_stores_the_choice() -> None:
    demo, _ = page_of_two()
    switch = next(fn.fn for fn in demo.fns.values() if fn.targets[0][1] == "input")
    stored, selector, button, _ = switch("zh-CN")
    assert stored == selector["value"] == "zh-CN"
    assert button["value"] == text("drop.choose", "zh-CN")


def test_language_events_are_not_endpoints() -> None:
    demo, _ = page_of_two()
    assert demo.get_api_info()["named_endpoints"] == {}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-TW", "zh-CN"),
        ("fr, de;q=0.9", "en"),
        ("en;q=0.5, zh;q=0.9", "zh-CN"),
        ("zh;q=0, en", "en"),
        ("zh;q=0", "en"),
        ("zh;q=many, en;q=0.1", "en"),
        ("*", "en"),
        ("", "en"),
    ],
)
def test_accept_language(header: str, language: str) -> None:
    assert best_language(header) == language
