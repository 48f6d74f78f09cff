"""Every sentence comes from the texts, and the texts are whole: in each language, with the same gaps, none unused."""

from __future__ import annotations

import ast
import re
import string
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.evaluation import CLASS_METRICS, METRICS
from resnet_demo.explain.methods import METHODS
from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.texts import LANGUAGES, AppError, Message, all_texts, text
from resnet_demo.training.presets import PRESETS
from resnet_demo.ui.tabs import TABS
from resnet_demo.ui.tabs.finetune import photo_sources
from tests.sentences import bypasses, constants, key_calls

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "resnet_demo"
SOURCES = [ROOT / "app.py", *sorted(PACKAGE.rglob("*.py"))]
TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
STATIC = sorted((PACKAGE / "ui" / "static").iterdir())
ENGLISH = all_texts("en")
REGISTERS = {
    "evaluation.header": {*CLASS_METRICS, "class", "photos"},
    "evaluation.metric": METRICS,
    "explain.about": METHODS,
    "explain.method": METHODS,
    "lab.about": EXPERIMENTS,
    "page.tabs": TABS,
    "photos.source": photo_sources.SOURCES,
    "train.list.preset": PRESETS,
    "train.setting.preset": {*PRESETS, "hint"},
}
"""Where the texts of what is registered are: `<prefix>.<name>`."""


def gaps(sentence: str) -> set[str]:
    """The gaps of a sentence: `{name}`, and argparse's `%(name)s`."""
    named = {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
    return named | {f"%{name}" for name in re.findall(r"%\((\w+)\)", sentence)}


@pytest.mark.parametrize("source", TREES)
def test_no_sentence_in_the_source(source: str) -> None:
    assert list(bypasses(TREES[source])) == []


@pytest.mark.parametrize("source", TREES)
def test_keys_exist_and_their_gaps_are_filled(source: str) -> None:
    for keys in key_calls(TREES[source]):
        meant = [key for key in ENGLISH if re.fullmatch(keys.pattern, key)]
        assert meant, f"{source}:{keys.line}: no text called {keys.pattern}"
        if len(meant) == 1 and keys.fields is not None:
            missing = {gap for gap in gaps(ENGLISH[meant[0]]) if not gap.startswith("%")} - keys.fields
            assert not missing, f"{source}:{keys.line}: {meant[0]} without {missing}"


def test_every_key_is_used() -> None:
    said = set().union(*map(constants, TREES.values()))
    patterns = {keys.pattern for tree in TREES.values() for keys in key_calls(tree)}
    unused = [key for key in ENGLISH if key not in said and not any(re.fullmatch(one, key) for one in patterns)]
    assert unused == []


@pytest.mark.parametrize("prefix", REGISTERS)
def test_what_is_registered_has_its_texts(prefix: str) -> None:
    there = {key.removeprefix(f"{prefix}.") for key in ENGLISH if key.startswith(f"{prefix}.")}
    assert there == set(REGISTERS[prefix])


def test_every_language_has_every_key() -> None:
    assert all(list(all_texts(language)) == sorted(ENGLISH) for language in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences(language: str) -> None:
    for key, sentence in all_texts(language).items():
        assert gaps(sentence) == gaps(ENGLISH[key]), key
        assert sentence == sentence.strip() != "", key
        if language == "zh-CN" and re.search(r"[a-z]{3,} [a-z]{3,}", sentence):
            assert re.search(r"[\u4e00-\u9fff]", sentence), f"{key} is still in English"


@pytest.mark.parametrize("path", [path for path in STATIC if path.suffix == ".html"], ids=lambda path: path.name)
def test_no_sentence_in_html(path: Path) -> None:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(name for name, _ in attrs if name in {"title", "alt", "placeholder", "aria-label"})

        def handle_data(self, data: str) -> None:
            found.extend(data.split())

    Reader().feed(path.read_text(encoding="utf-8"))
    assert found == []


@pytest.mark.parametrize("path", [path for path in STATIC if path.suffix == ".js"], ids=lambda path: path.name)
def test_no_sentence_in_javascript(path: Path) -> None:
    """What is written into the page is never written out in a script."""
    shown = (
        r"""(?:\.(?:textContent|innerText|innerHTML|title|placeholder|alt) = |"aria-label", |\b(?:alert|confirm)\()"""
    )
    assert re.findall(shown + r"""["'`].*[^\W\d_].*""", path.read_text(encoding="utf-8")) == []


BAD = """
print("Done")
print(f"{count} photos")
parser.add_argument("--top", help="how many")
gr.Button("Go")
gr.Textbox(label="Name" if short else "Full name")
translations.create(gr.HTML, {"value": "classify.empty"}, info="Hint")
raise gr.Error("It " + "failed")
gr.Markdown(value="**{}**: bold".format(x))
def header(): return f"<h1 class='{style}'>Hello</h1>"
name = "花"
"""

GOOD = '''
"""<b>A docstring may speak.</b>"""
print(text("app.ready", language, url=url))
print(json.dumps(rows))
parser.add_argument("--top", help=say("top"), metavar="N")
gr.Button(variant="primary", elem_id="go")
translations.create(gr.HTML, {"value": "classify.empty"}, elem_classes="note", value="<br>")
gr.Radio(choices, value="en")
gr.Markdown("**" + text("page.title") + "**&nbsp;" * 2)
def header(): return f"<h1 class='{style}'>{title}</h1><!-- note -->"
raise RuntimeError("for programmers")
'''


def test_the_reader_finds_sentences() -> None:
    assert sorted(line for line, _ in bypasses(ast.parse(BAD))) == [2, 3, 4, 5, 6, 6, 7, 8, 8, 9, 10, 11]
    assert list(bypasses(ast.parse(GOOD))) == []


def test_the_reader_finds_keys() -> None:
    source = """
from resnet_demo.ui.visitor_context import say
say(f"z.{kind}", count=2)
text("a.b", language, count=1)
text(f"c.{kind}.d", **fields)
raise AppError("e" if x else "f", file=name)
raise RefusedError(404, "g")
translations.create(gr.Tab, {"label": "h", "choices": choices}, id="i")
"""
    found = [(keys.pattern, keys.fields) for keys in key_calls(ast.parse(source))]
    assert found == [
        (r"z\.[\w+]+", {"count"}),
        (r"a\.b", {"count"}),
        (r"c\.[\w+]+\.d", None),
        ("e", {"file"}),
        ("f", {"file"}),
        ("g", set()),
        ("h", set()),
    ]


def test_texts_speak() -> None:
    assert text("drop.done", "en", done=3) == "Received: 3."
    assert text("drop.done", "zh-CN", done=3) == "已收到 3 个文件。"
    assert Message("drop.done", {"done": 3}).say("zh-CN") == AppError("drop.done", done=3).say("zh-CN")
    assert str(AppError("drop.done", done=3)) == "Received: 3."
    for call in (lambda: text("no.such.key"), lambda: text("drop.done", wrong=3)):
        with pytest.raises(KeyError):
            call()


def test_what_fills_a_gap_can_always_be_written() -> None:
    """Half a surrogate pair, from a damaged file, has no place in UTF-8."""
    assert AppError("archive.problem.special", name="a\ud800b").say().encode() == (
        text("archive.problem.special", name="a\\ud800b").encode()
    )


@pytest.mark.parametrize("told", [None, 7, [], {}, "", "xx", "../en", "en\0", "zh-cn"])
def test_a_language_that_nobody_has_is_taken_for_english(told: Any) -> None:
    assert text("page.title", told) == text("page.title", "en")
