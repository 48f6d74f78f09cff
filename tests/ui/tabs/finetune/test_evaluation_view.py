"""Figures as HTML: nothing is left out unsaid, however many classes and photos there are, and names stay names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from resnet_demo.evaluation import PhotoResult, evaluate
from resnet_demo.models.class_names import ClassNames, class_names
from resnet_demo.texts import text
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.run import Run
from resnet_demo.ui.tabs.finetune import evaluation_view as view
from resnet_demo.ui.visitor_context import speaking
from tests.tiny import photos
from tests.training.small_runs import SMALL


def drawn_predictions(classes: int, photos: int = 0, unreadable: tuple[str, ...] = ()) -> LabelledPredictions:
    """Every photo is named rightly, but one of each pair of neighbouring classes among the last twenty."""
    labels = np.arange(max(photos, 0)) % classes
    said = labels.copy()
    for number in range(len(labels)):
        if labels[number] >= classes - 20 and labels[number] % 2:
            said[number] -= 1
    probabilities = np.full((len(labels), classes), 0.1 / classes, np.float32)
    probabilities[np.arange(len(labels)), said] = 0.9
    names = tuple(f"<b>{number}" for number in range(classes))
    return LabelledPredictions(tuple(map(str, range(len(labels)))), labels, probabilities, names, unreadable)


def test_of_very_many_classes_the_matrix_shows_those_that_are_mixed_up() -> None:
    found = evaluate(drawn_predictions(100, 100))
    shown = view.matrix_classes(found)
    assert len(shown) == view.MOST_CLASSES == 40
    assert set(range(80, 100)) <= set(shown)
    assert shown == sorted(shown)
    said = view.matrix(found)
    assert text("results.matrix.most", shown=40, classes=100).split(".")[0] in said
    assert max(int(row) for row in re.findall(r'data-row="(\d+)"', said)) == 39
    assert view.matrix_classes(evaluate(drawn_predictions(40, 40))) == list(range(40))


def test_names_are_not_html() -> None:
    found = evaluate(drawn_predictions(7, 21, unreadable=("<i>broken.jpg",)))
    html = view.headline(found, 1) + view.table(found) + view.matrix(found)
    assert not re.findall(r"<[bi]>", html)
    assert "&lt;b&gt;3" in html
    assert "&lt;i&gt;broken.jpg" in html


def test_the_headline_tells_all_that_belongs_to_the_figure() -> None:
    found = evaluate(replace(drawn_predictions(7, 21, unreadable=("a.jpg", "b.jpg")), changed=("<c>.jpg",)))
    once, thrice = (view.headline(found, looks, outdated=looks == 3) for looks in (1, 3))
    assert "57.1 %" in once  # 12 of 21: of seven classes the second, fourth and sixth are taken for the ones before
    assert text("results.test_set_used_once") in once
    assert text("results.unreadable", count=2, names="a.jpg, b.jpg") in once
    assert text("results.changed", count=1, names="&lt;c&gt;.jpg") in once
    assert found.as_dict()["changed"] == ["<c>.jpg"]
    assert text("results.test_set_uses", uses=3) in thrice
    assert text("results.outdated") in thrice
    # Of equals the first counts: before the sixth class stand what was said and four that are as probable as it.
    assert text("evaluation.metric.top5", percent="85.7") in once


def test_without_a_photo_to_judge_by_there_is_no_figure() -> None:
    said = view.headline(evaluate(drawn_predictions(3, 0, unreadable=("a.jpg",))), 1)
    assert "%" not in said
    assert "a.jpg" in said


def test_what_nobody_was_shown_has_no_recall() -> None:
    probabilities = np.array([[0.1, 0.9, 0.0]], np.float32)
    html = view.table(evaluate(LabelledPredictions(("a",), np.array([0]), probabilities, ("daisy", "rose", "tulip"))))
    assert html.count("<tr>") == 3
    assert html.count(view.NONE) == 2
    assert text("evaluation.without_photos", count=2, names="rose, tulip") in html


def test_known_classes_are_named_in_the_readers_language(tmp_path: Path) -> None:
    probabilities = np.eye(5, dtype=np.float32)[[0, 4]]
    flowers = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    found = evaluate(LabelledPredictions(("a", "b"), np.array([0, 2]), probabilities, flowers))
    run = Run.create(tmp_path, SMALL.__class__(str(tmp_path)), {})
    names = class_names(flowers, "zh-CN")
    with speaking("zh-CN"):
        table, matrix = view.table(found), view.matrix(found)
        photos = view.gallery("错误", found.mistakes, run, 10**6, names)
    assert re.findall("<th scope='row'>(.*?)</th>", table) == ["雏菊（daisy）", "玫瑰（roses）", "郁金香（tulips）"]
    assert "蒲公英（dandelion）" in table
    assert "玫瑰 → 郁金香: 1" in matrix
    assert "<b>郁金香（tulips）</b>" in photos
    assert "玫瑰（roses）" in photos
    assert "郁金香" not in view.table(found) + view.matrix(found)
    assert found.as_dict()["classes"][0]["name"] == "daisy"


def test_of_very_many_photos_the_surest_are_shown(tmp_path: Path) -> None:
    files = [path.name for path in photos(tmp_path / "photos", 50)]
    run = Run.create(tmp_path, SMALL.__class__(str(tmp_path / "photos")), {})
    many = [PhotoResult(file, "daisy", "rose <b>", 0.9) for file in files]
    html = view.gallery("Mistakes", many, run, 10**6, ClassNames())
    assert html.count("data:image/jpeg") == view.MOST_PHOTOS == 40
    assert text("results.photos.first", shown=40, photos=50) in html
    assert "<b>rose &lt;b&gt;</b> 90.0 %" in html
    assert text("results.photos.true", name="daisy") in html
    right = view.gallery("Right", [PhotoResult(files[0], "daisy", "daisy", 0.0001)], run, 10**6, ClassNames())
    assert text("results.photos.true", name="daisy") not in right
    assert "&lt; 0.1 %" in right
