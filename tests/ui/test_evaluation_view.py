"""Figures as HTML: nothing is left out unsaid, however many classes and photos there are, and names stay names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from resnet_demo.evaluation import Answer, evaluate
from resnet_demo.texts import text
from resnet_demo.training.answers import Answers
from resnet_demo.training.run import Run
from resnet_demo.ui import evaluation_view as view
from tests.tiny import photos
from tests.training.schoolroom import SMALL


def answers(classes: int, photos: int = 0, unreadable: tuple[str, ...] = ()) -> Answers:
    """Every photo is named rightly, but one of each pair of neighbouring classes among the last twenty."""
    labels = np.arange(max(photos, 0)) % classes
    said = labels.copy()
    for number in range(len(labels)):
        if labels[number] >= classes - 20 and labels[number] % 2:
            said[number] -= 1
    probabilities = np.full((len(labels), classes), 0.1 / classes, np.float32)
    probabilities[np.arange(len(labels)), said] = 0.9
    names = tuple(f"<b>{number}" for number in range(classes))
    return Answers(tuple(map(str, range(len(labels)))), labels, probabilities, names, unreadable)


def test_of_very_many_classes_the_matrix_shows_those_that_are_mixed_up() -> None:
    found = evaluate(answers(100, 100))
    shown = view.matrix_classes(found)
    assert len(shown) == view.MOST_CLASSES == 40
    assert set(range(80, 100)) <= set(shown)
    assert shown == sorted(shown)
    said = view.matrix(found, "en")
    assert text("results.matrix.most", shown=40, classes=100).split(".")[0] in said
    assert max(int(row) for row in re.findall(r'data-row="(\d+)"', said)) == 39
    assert view.matrix_classes(evaluate(answers(40, 40))) == list(range(40))


def test_names_are_not_html() -> None:
    found = evaluate(answers(7, 21, unreadable=("<i>broken.jpg",)))
    html = view.headline(found, 1, "en") + view.table(found, "en") + view.matrix(found, "en")
    assert not re.findall(r"<[bi]>", html)
    assert "&lt;b&gt;3" in html
    assert "&lt;i&gt;broken.jpg" in html


def test_the_headline_tells_all_that_belongs_to_the_figure() -> None:
    found = evaluate(replace(answers(7, 21, unreadable=("a.jpg", "b.jpg")), changed=("<c>.jpg",)))
    once, thrice = (view.headline(found, looks, "en", outdated=looks == 3) for looks in (1, 3))
    assert "57.1 %" in once  # 12 of 21: of seven classes the second, fourth and sixth are taken for the ones before
    assert text("results.one_look") in once
    assert text("results.unreadable", count=2, names="a.jpg, b.jpg") in once
    assert text("results.changed", count=1, names="&lt;c&gt;.jpg") in once
    assert found.as_dict()["changed"] == ["<c>.jpg"]
    assert text("results.looks", looks=3) in thrice
    assert text("results.outdated") in thrice
    # Of equals the first counts: before the sixth class stand what was said and four that are as probable as it.
    assert text("evaluation.top5", percent="85.7") in once


def test_without_a_photo_to_judge_by_there_is_no_figure() -> None:
    said = view.headline(evaluate(answers(3, 0, unreadable=("a.jpg",))), 1, "en")
    assert "%" not in said
    assert "a.jpg" in said


def test_what_nobody_was_shown_has_no_recall() -> None:
    probabilities = np.array([[0.1, 0.9, 0.0]], np.float32)
    html = view.table(evaluate(Answers(("a",), np.array([0]), probabilities, ("daisy", "rose", "tulip"))), "en")
    assert html.count("<tr>") == 3
    assert html.count(view.NONE) == 2
    assert text("evaluation.unjudged", count=2, names="rose, tulip") in html


def test_of_very_many_photos_the_surest_are_shown(tmp_path: Path) -> None:
    files = [path.name for path in photos(tmp_path / "photos", 50)]
    run = Run.create(tmp_path, SMALL.__class__(str(tmp_path / "photos")), {})
    many = [Answer(file, "daisy", "rose <b>", 0.9) for file in files]
    html = view.gallery("Mistakes", many, run, 10**6, "en")
    assert html.count("data:image/jpeg") == view.MOST_PHOTOS == 40
    assert text("results.photos.first", shown=40, photos=50) in html
    assert "<b>rose &lt;b&gt;</b> 90.0 %" in html
    assert text("results.photos.true", name="daisy") in html
    right = view.gallery("Right", [Answer(files[0], "daisy", "daisy", 0.0001)], run, 10**6, "en")
    assert text("results.photos.true", name="daisy") not in right
    assert "&lt; 0.1 %" in right
