"""A visitor reads a sentence, never a traceback; the log has the rest under the number that the visitor was told."""

from __future__ import annotations

import ast
import logging
import os
import re
from html import escape
from pathlib import Path

import gradio as gr
import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError, text
from resnet_demo.ui import page
from resnet_demo.ui.errors import VisitorError, plain_text_errors, redact_paths, visitor_errors
from resnet_demo.ui.visitor_context import speaking
from tests.conftest import ROOT


def test_what_a_person_can_mend_is_said_in_their_language() -> None:
    with pytest.raises(gr.Error) as caught, speaking("zh-CN"), visitor_errors():
        raise AppError("services.unlisted_model")
    assert caught.value.message == text("services.unlisted_model", "zh-CN")


def test_strangers_are_told_no_path_of_this_machine(tmp_path: Path) -> None:
    def told(home: Path) -> str:
        with pytest.raises(gr.Error) as caught, visitor_errors():
            raise AppError("dataset_storage.problem.folder", folder=str(home / "datasets"), reason="read-only")
        return str(caught.value.message)

    own, public = tmp_path / "own", tmp_path / "it's public"
    page.build(Settings(home=own))
    page.build(Settings(home=public, public=True))
    assert f"written to {own / 'datasets'}" in told(own)
    assert f"written to …{os.sep}datasets" in told(public)
    assert str(tmp_path) not in told(public)
    assert redact_paths(escape(str(public))) == "…"


def test_what_nobody_expected_has_a_number_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as caught, visitor_errors():
        raise ZeroDivisionError("/home/somebody/secret")
    assert "secret" not in caught.value.message
    (number,) = re.findall(r"\b[0-9a-f]{6}\b", caught.value.message)
    assert number in caplog.text
    assert "/home/somebody/secret" in caplog.text


NASTY = '<div style="position:fixed">&amp;\u202e'


def test_a_name_is_html_to_a_toast_and_itself_to_all_others() -> None:
    """Gradio shows the message of an error as HTML; programs and the camera's script do not."""
    with pytest.raises(VisitorError) as caught, visitor_errors():
        raise AppError("hub_photos.problem.absent", name=NASTY)
    assert "&lt;div style=&quot;position:fixed&quot;&gt;&amp;amp;\\u202e" in caught.value.message
    assert NASTY in caught.value.said
    with pytest.raises(gr.Error) as told, plain_text_errors(), visitor_errors():
        raise AppError("hub_photos.problem.absent", name=NASTY)
    assert not isinstance(told.value, VisitorError)
    assert NASTY in told.value.message


def test_no_toast_is_made_in_any_other_way() -> None:
    """Whatever a toast says has been escaped in this one place."""
    made = []
    for path in ROOT.glob("resnet_demo/ui/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(value=ast.Name(id="gr"), attr="Error" | "Info" | "Warning" | "Success" as kind):
                    made.append((path.name, kind))
    assert sorted(made) == [("errors.py", kind) for kind in ("Error", "Error", "Info", "Warning")]
