"""The page's language: first shown, switched, and immune to what a cookie holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio.routes import templates

from resnet_demo.settings import Settings
from resnet_demo.texts import best_language, text
from resnet_demo.ui import page
from resnet_demo.ui.translations import Translations, translate_page
from resnet_demo.ui.visitor_context import current_language
from resnet_demo.ui.visitor_language import COOKIE
from tests.launched import ROOT, free_port

TEXTS = ROOT / "resnet_demo" / "texts"


def page_of_two() -> tuple[gr.Blocks, gr.Button]:
    with gr.Blocks(analytics_enabled=False) as demo:
        translations = Translations()
        translations.create_selector()
        button = translations.create(gr.Button, {"value": "drop.choose"}, variant="primary")
        translations.create(gr.Textbox, {"label": "drop.title", "placeholder": lambda: current_language().upper()})
        translations.connect(demo)
    return demo, button


def test_first_language() -> None:
    _, button = page_of_two()
    assert button.value == text("drop.choose")
    assert button.variant == "primary"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    demo, _ = page_of_two()
    page.launch(demo, Settings(port=free_port(), home=tmp_path_factory.mktemp("home")))
    yield demo.local_url
    demo.close()


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "", "en"),
        (f"a=b; {COOKIE}=zh-CN", "en", "zh-CN"),
        (f"{COOKIE}=en", "zh", "en"),
        (f"{COOKIE}=tlh", "zh", "zh-CN"),
        (f"{COOKIE}=/etc/passwd", "", "en"),
        (f"{COOKIE}=zh-CN; \x01=[", "en", "zh-CN"),
    ],
)
def test_the_page_comes_in_the_visitors_language(url: str, cookie: str, header: str, language: str) -> None:
    response = httpx.get(url, headers={"Accept-Language": header, "Cookie": cookie}, trust_env=False)
    found = re.search(r"window\.gradio_config = (\{.*?\});</script>", response.text)
    assert found is not None
    props = {component["type"]: component["props"] for component in json.loads(found[1])["components"]}
    assert props["radio"]["value"] == language
    assert props["radio"]["label"] == text("page.language", language)
    assert props["button"]["value"] == text("drop.choose", language)
    assert props["button"]["variant"] == "primary"
    assert (props["textbox"]["label"], props["textbox"]["placeholder"]) == (
        text("drop.title", language),
        language.upper(),
    )


def test_programs_get_the_page_as_it_was_made(url: str) -> None:
    config = httpx.get(f"{url}config", headers={"Accept-Language": "zh"}, trust_env=False).json()
    assert {"en"} == {one["props"]["value"] for one in config["components"] if one["type"] == "radio"}


def test_all_that_the_page_is_opened_with_is_in_the_visitors_language(tmp_path: Path) -> None:
    demo = page.build(Settings(home=tmp_path / "home"))
    config = demo.get_config_file()
    demo.translations.translate_config(config, "zh-CN")
    said, meant = (json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8")) for language in ("en", "zh-CN"))
    english = {
        part.strip(): key
        for key, sentence in said.items()
        for part in re.split(r"\{\w+\}", sentence)
        if len(part) > 14 and sentence != meant[key]
    }
    shown = json.dumps(
        [{**one["props"], "js_on_load": "", "css_template": ""} for one in config["components"]],
        ensure_ascii=False,
        default=str,
    )
    assert [key for part, key in english.items() if part in shown] == []
    assert meant["classify.empty"] in shown


def test_switch() -> None:
    demo, _ = page_of_two()
    switch = next(fn.fn for fn in demo.fns.values() if fn.targets[0][1] == "input")
    selector, button, box = switch("zh-CN").values()
    assert selector["value"] == "zh-CN"
    assert button["value"] == text("drop.choose", "zh-CN")
    assert (box["label"], box["placeholder"]) == (text("drop.title", "zh-CN"), "ZH-CN")


def test_another_gradio_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(templates.env.filters, "toorjson")
    with pytest.raises(RuntimeError, match="another way"):
        translate_page()


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
