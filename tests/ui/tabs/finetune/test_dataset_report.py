"""What was found in a visitor's photos, and how the page tells it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from resnet_demo.data.images import Problem
from resnet_demo.data.photo_import import ImportedFolder
from resnet_demo.download import Progress
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, Message, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.ui.tabs.finetune import dataset_report_view
from resnet_demo.ui.tabs.finetune.dataset_report import DatasetReport, create_report
from resnet_demo.ui.visitor_context import speaking
from tests.data.drawn import draw, encoded, flowers, jpeg, write

NASTY = "<script>alert(1)"


def silent(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def report_on(tmp_path: Path, files: dict[str, bytes], **arrived: object) -> DatasetReport:
    folder = write(tmp_path / "photos", files)
    imported = ImportedFolder(folder, **arrived)  # type: ignore[arg-type]
    settings, stages = Settings(home=tmp_path / "home"), []

    def tell(stage: str) -> Progress:
        stages.append(stage)
        return silent

    *waiting, last = create_report(imported, TrainConfig(data=str(folder)), settings, tell)
    assert stages == ["reading", "comparing"]
    assert waiting == [None, None]
    assert last is not None
    return last


def html(report: DatasetReport, language: str = "en") -> str:
    """The report, which is well-formed, whatever the names are."""
    with speaking(language):
        written = dataset_report_view.heading(report) + dataset_report_view.as_html(report)
    ET.fromstring(f"<div>{written}</div>")  # noqa: S314  our own
    assert "<script" not in written
    return written


def test_a_good_set(tmp_path: Path) -> None:
    report = report_on(tmp_path, flowers(20))
    assert report.per_class() == [(14, 3, 3), (14, 3, 3)]
    written = html(report)
    assert text("photos.report.title", photos=40, classes=2) in written
    assert text("dataset_facts.fine") in written
    assert "<details>" not in written
    for name, count in (("train", 28), ("val", 6), ("test", 6)):
        assert f">{text(f'photos.fact.{name}')}</button></dt><dd>{count}</dd>" in written


def test_what_stands_out_is_shown(tmp_path: Path) -> None:
    files = {
        **flowers(6),
        f"{NASTY}/1.jpg": jpeg(50),
        f"{NASTY}/2.jpg": jpeg(51),
        f"{NASTY}/{NASTY}.jpg": jpeg(0),  # daisy's first
        "tulips/near.png": encoded(draw(1_000, (128, 96)), "PNG"),
        "tulips/tiny.png": encoded(draw(70, (20, 20)), "PNG"),
        "tulips/long.png": encoded(draw(71, (600, 60)), "PNG"),
        "tulips/text.jpg": b"text",
        "notes.txt": b"notes",
    }
    report = report_on(tmp_path, files, ignored=2, problems=(Problem("big.tif", "file_too_large", {"megabytes": 50}),))
    assert report.ignored == 3
    assert set(report.shown) >= {"two_classes", "exact", "near", "tiny", "extreme"}
    assert {index for groups in report.shown.values() for group in groups for index in group} == set(report.thumbnails)
    for language in LANGUAGES:
        written = html(report, language)
        for file in ("big.tif", "tulips/text.jpg"):
            assert f"<td>{file}</td>" in written
        for kind in ("two_classes", "exact", "near", "tiny", "extreme"):
            assert re.search(re.escape(text(f"photos.kind.{kind}", language, count=1)), written), kind
        assert "&lt;script&gt;alert(1).jpg" in written
        assert written.count("<img ") >= 7


def test_given_parts_are_told_and_leaks_shown(tmp_path: Path) -> None:
    files = {f"train/{name}": body for name, body in flowers(4).items()}
    files |= {f"test/daisy/{number}.jpg": jpeg(40 + number) for number in range(2)}
    files["test/tulips/0.jpg"] = files["train/tulips/0.jpg"]
    report = report_on(tmp_path, files)
    written = html(report)
    assert text("photos.divided.given", seed=0) in written
    assert text("photos.kind.leaks", count=1) in written
    assert [sum(part) for part in zip(*report.per_class(), strict=True)] == [6, 2, 3]


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({"cats/1.jpg": jpeg(1), "cats/2.jpg": jpeg(2)}, "one_class"),
        ({"cats/1.jpg": jpeg(1), "dogs/2.jpg": jpeg(2)}, "too_few"),
    ],
)
def test_why_there_is_no_split(tmp_path: Path, files: dict[str, bytes], key: str) -> None:
    report = report_on(tmp_path, files)
    assert isinstance(report.split, Message)
    assert report.split.key == f"image_folder.problem.{key}"
    for language in LANGUAGES:
        written = html(report, language)
        assert f"<li class='stops'>{report.split.say(language)}</li>".replace('"', "&quot;") in written
        assert f"<dt>{text('photos.fact.val', language)}</dt>" not in written


def test_many_classes_and_many_problems_end_in_a_line(tmp_path: Path) -> None:
    files = {f"class {number:03}/{photo}.jpg": jpeg(number * 3 + photo) for number in range(60) for photo in range(3)}
    files |= {f"bad/{number}.jpg": b"text" for number in range(60)}
    written = html(report_on(tmp_path, files))
    assert text("photos.rest", count=10) in written
    assert text("photos.report.between", classes=21, fewest=3, most=3) in written


def test_nothing_that_can_be_opened(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no photo"):
        report_on(tmp_path, {"cats/1.jpg": b"text"})


def test_what_should_be_checked_first_stands_first(tmp_path: Path) -> None:
    """How an archive's names were read, and which of its files were left out; long photos, and mirror twins."""
    note = Message("photo_import.note.encoding", {"encoding": "GBK", "names": "<b>玫瑰, 向日葵"})
    files = {f"left/{number}.png": encoded(arrow(number), "PNG") for number in range(6)}
    files |= {f"right/{number}.png": encoded(ImageOps.mirror(arrow(9 + number)), "PNG") for number in range(6)}
    inner = Problem("old.zip", "inner_archive")
    report = report_on(tmp_path, files, notes=(note,), problems=(inner,))
    for language in LANGUAGES:
        page = html(report, language)
        assert page.index(escape(note.say(language))) < page.index(
            escape(text("dataset_facts.mirrored", language, names="left – right"))
        )
        assert escape(text("dataset_facts.long", language, count=12, ratio=2)) in page
        assert escape(inner.say(language)) in page


def arrow(number: int) -> Image.Image:
    """To the left, three times as long as high."""
    image = Image.new("RGB", (192, 64), (200, 200, 10 * number))
    x, y = (int(place) for place in np.random.default_rng(number).integers(-6, 7, 2))
    points = [
        (40 + x, 32 + y),
        (90 + x, 8 + y),
        (90 + x, 24 + y),
        (150 + x, 24 + y),
        (150 + x, 40 + y),
        (90 + x, 40 + y),
    ]
    ImageDraw.Draw(image).polygon([*points, (90 + x, 56 + y)], fill="black")
    return image
