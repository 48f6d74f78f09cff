"""The class picker: its value, and what a browser may send as a choice."""

from __future__ import annotations

import json

import gradio as gr
import pytest

from resnet_demo.texts import LANGUAGES, text
from resnet_demo.ui.components import class_picker
from resnet_demo.ui.translations import Translations

CRANES = [("heron", 3), ("crane", 134), ("crane", 517), ("起重机 <script>", -1)]


def test_the_value_is_one_string_with_all_classes_and_the_chosen_one() -> None:
    value = class_picker.update(CRANES, 517)["value"]
    assert json.loads(value) == {
        "classes": [["heron", 3], ["crane (134)", 134], ["crane (517)", 517], ["起重机 <script>", -1]],
        "chosen": 517,
    }
    assert json.loads(class_picker.as_value((), None)) == {"classes": [], "chosen": None}


@pytest.mark.parametrize("number", [-1, 0, 999, 10**30])
def test_a_number_is_taken_as_it_comes(number: int) -> None:
    assert class_picker.number_sent({"number": number}) == number


@pytest.mark.parametrize(
    "sent", [None, 3, "3", [], [3], {}, {"name": 3}, *({"number": one} for one in (None, True, "3", 3.0, [3], {}))]
)
def test_what_is_no_number(sent: object) -> None:
    assert class_picker.number_sent(sent) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_label_is_translated_and_its_classes_stay(language: str) -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        translations = Translations()
        translations.create_selector()
        picker = class_picker.class_picker(
            translations, "look.class", value=class_picker.as_value(CRANES, 3), elem_id="picker"
        )
        picker.choose(None)
        translations.connect(demo)
    config = demo.get_config_file()
    translations.translate_config(config, language)
    [props] = [one["props"] for one in config["components"] if one["props"].get("elem_id") == "picker"]
    assert props["label"] == text("look.class", language)
    assert json.loads(props["value"])["chosen"] == 3
