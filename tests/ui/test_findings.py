"""What was found in a visitor's photos, and how the page tells it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from resnet_demo.data.images import Problem
from resnet_demo.data.intake import Arrival
from resnet_demo.download import Progress
from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, Message, text
from resnet_demo.training.config import TrainConfig
from resnet_demo.ui import report_view
from resnet_demo.ui.findings import Findings, look_through
from tests.data.drawn import draw, encoded, flowers, jpeg, write

NASTY = "<script>alert(1)"


def silent(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def found(tmp_path: Path, files: dict[str, bytes], **arrived: object) -> Findings:
    folder = write(tmp_path / "photos", files)
    arrival = Arrival(folder, **arrived)  # type: ignore[arg-type]
    settings, stages = Settings(home=tmp_path / "home"), []

    def tell(stage: str) -> Progress:
        stages.append(stage)
        return silent

    *waiting, last = look_through(arrival, TrainConfig(data=str(folder)), settings, tell)
    assert stages == ["reading", "comparing"]
    assert waiting == [None, None]
    assert last is not None
    return last


def html(findings: Findings, language: str = "en") -> str:
    """The report, which is well-formed, whatever the names are."""
    written = report_view.heading(findings, language) + report_view.as_html(findings, language)
    ET.fromstring(f"<div>{written}</div>")  # noqa: S314  our own
    assert "<script" not in written
    return written


def test_a_good_set(tmp_path: Path) -> None:
    findings = found(tmp_path, flowers(20))
    assert findings.per_class() == [(14, 3, 3), (14, 3, 3)]
    written = html(findings)
    assert text("photos.report.title", photos=40, classes=2) in written
    assert text("report.fine") in written
    assert "<details>" not in written
    for name, count in (("train", 28), ("val", 6), ("test", 6)):
        assert f"<dt>{text(f'photos.fact.{name}')}</dt><dd>{count}</dd>" in written


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
    findings = found(tmp_path, files, ignored=2, problems=(Problem("big.tif", "file_too_large", {"megabytes": 50}),))
    assert findings.ignored == 3
    assert set(findings.shown) >= {"two_classes", "exact", "near", "tiny", "extreme"}
    assert {index for groups in findings.shown.values() for group in groups for index in group} == set(
        findings.thumbnails
    )
    for language in LANGUAGES:
        written = html(findings, language)
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
    findings = found(tmp_path, files)
    written = html(findings)
    assert text("photos.divided.given", seed=0) in written
    assert text("photos.kind.leaks", count=1) in written
    assert [sum(part) for part in zip(*findings.per_class(), strict=True)] == [6, 2, 3]


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({"cats/1.jpg": jpeg(1), "cats/2.jpg": jpeg(2)}, "one_class"),
        ({"cats/1.jpg": jpeg(1), "dogs/2.jpg": jpeg(2)}, "too_few"),
    ],
)
def test_why_there_is_no_split(tmp_path: Path, files: dict[str, bytes], key: str) -> None:
    findings = found(tmp_path, files)
    assert isinstance(findings.split, Message)
    assert findings.split.key == f"image_folder.problem.{key}"
    for language in LANGUAGES:
        written = html(findings, language)
        assert f"<li class='stops'>{findings.split.say(language)}</li>".replace('"', "&quot;") in written
        assert text("photos.fact.val", language) not in written


def test_many_classes_and_many_problems_end_in_a_line(tmp_path: Path) -> None:
    files = {f"class {number:03}/{photo}.jpg": jpeg(number * 3 + photo) for number in range(60) for photo in range(3)}
    files |= {f"bad/{number}.jpg": b"text" for number in range(60)}
    written = html(found(tmp_path, files))
    assert text("photos.rest", count=10) in written
    assert text("photos.report.between", classes=21, fewest=3, most=3) in written


def test_nothing_that_can_be_opened(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no photo"):
        found(tmp_path, {"cats/1.jpg": b"text"})
