"""Terms with explanations: what they are as HTML, and a glossary whose entries are all used."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resnet_demo.evaluation import CLASS_METRICS
from resnet_demo.texts import LANGUAGES, all_texts, text
from resnet_demo.ui.components.term import explained, say_with_terms, term
from resnet_demo.ui.visitor_context import speaking
from tests.sentences import constants

UI = Path(__file__).resolve().parents[3] / "resnet_demo" / "ui"
GLOSSARY = {key.removeprefix("term.") for key in all_texts("en") if key.startswith("term.")}
MARKED = re.compile(r"\]\((\w+)\)")


class Buttons(HTMLParser):
    """Attributes of all buttons, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "button"
        self.found.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_term_carries_its_explanation(language: str) -> None:
    with speaking(language):
        read = Buttons(term("accuracy", "A & <b>"))
    assert read.words == "A & <b>"
    [button] = read.found
    assert button["aria-description"] == text("term.accuracy", language)
    assert (button["data-term"], button["aria-expanded"], button["type"]) == ("accuracy", "false", "button")


def test_what_is_explained_is_no_markup() -> None:
    read = Buttons(explained('"><i>', '"><script>'))
    assert read.words == '"><i>'
    assert read.found[0]["aria-description"] == '"><script>'


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_has_its_terms_and_what_fills_it_is_text(language: str) -> None:
    with speaking(language):
        read = Buttons(say_with_terms("results.about", photos="<i>[x](recall)", low=1, high=2))
    assert {button["data-term"] for button in read.found} == {"test_photos", "confidence_interval"}
    assert "<i>[x](recall)" in read.words
    assert "](test_photos)" not in read.words


def test_each_term_that_is_marked_is_in_the_glossary_in_every_language() -> None:
    for key in all_texts("en"):
        marked = [sorted(MARKED.findall(all_texts(language)[key])) for language in LANGUAGES]
        assert all(names == marked[0] for names in marked), key
        assert set(marked[0]) <= GLOSSARY, key


def test_no_entry_of_the_glossary_is_unused() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in UI.rglob("*.py")]
    said = set().union(*map(constants, trees), CLASS_METRICS)
    marked = {name for sentence in all_texts("en").values() for name in MARKED.findall(sentence)}
    unused = {name for name in GLOSSARY - marked if name not in said and f"term.{name}" not in said}
    assert unused == set()
