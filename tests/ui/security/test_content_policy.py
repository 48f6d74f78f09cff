"""Scripts of Gradio's page, marked in its template."""

from __future__ import annotations

import re
from collections.abc import Iterator

import gradio as gr
import httpx
import jinja2
import pytest
from starlette.requests import Request

from resnet_demo.settings import Settings
from resnet_demo.ui import page
from resnet_demo.ui.security.content_policy import _Marking
from tests.launched import free_port

TITLE = "</title><script>alert('the title')</script>"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    """A launched app whose title is a script."""
    with gr.Blocks(title=TITLE, analytics_enabled=False) as demo:
        gr.Textbox(TITLE)
    page.launch(demo, Settings(port=free_port(), home=tmp_path_factory.mktemp("home")))
    yield demo
    demo.close()


def answered(demo: gr.Blocks, language: str = "en") -> str:
    """Gradio's page for it; that of each language is written once."""
    return httpx.get(str(demo.local_url), headers={"Accept-Language": language}, trust_env=False).text


def test_content_brings_no_script_of_its_own(demo: gr.Blocks) -> None:
    html = answered(demo)
    assert "the title" in html
    assert re.findall("<script(?! nonce=)", html) == []
    assert len(re.findall("<script", html)) == 6


def test_a_shared_page_takes_its_script_from_here(demo: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio would take it from another server, which our policy does not let it ask."""
    sources = []
    for share, language in ((False, "en"), (True, "zh")):
        monkeypatch.setattr(demo, "share", share)
        sources.append(re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', answered(demo, language)))
    assert sources[0] == sources[1]
    assert len(sources[0]) >= 3
    assert not [source for source in sources[1] if "//" in source]


def test_marks_are_in_the_template_not_in_what_is_put_into_it() -> None:
    source = "<script>a</script><SCRIPT src='b'></SCRIPT><scripted>{{ content | safe }}"
    environment = jinja2.Environment(loader=_Marking(jinja2.DictLoader({"x.html": source})), autoescape=True)
    request = Request({"type": "http", "script_nonce": "N"})
    made = environment.get_template("x.html").render(request=request, content="<script>c</script>")
    assert made == '<script nonce="N">a</script><script nonce="N" src=\'b\'></SCRIPT><scripted><script>c</script>'
