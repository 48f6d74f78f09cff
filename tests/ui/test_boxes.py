"""Boxes: what may be done to them, whoever says so, and what the page is told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui import boxes
from resnet_demo.ui.boxes import FIRST, MOST_BOXES, PICTURES_SHOWN, Box, done
from tests.tiny import photos

SETTINGS = Settings()
META = {"_type": "gradio.FileData"}


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Ten uploaded photos, as the page names them."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    paths = photos(tmp_path / "uploads", 10)
    return [{"rel": f"my/{path.name}", "file": {"path": str(path), "meta": META}} for path in paths]


def act(kind: str, names: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"act": kind, "names": names or {}, **more}


def test_boxes_are_added_named_filled_and_removed(given: list[dict[str, Any]]) -> None:
    held = done(FIRST, act("add", {"1": "cats", "2": " dogs "}), SETTINGS)
    assert [(box.number, box.name) for box in held] == [(1, "cats"), (2, "dogs"), (3, "")]
    held = done(held, act("fill", box=3, photos=given[:8]), SETTINGS)
    held = done(held, act("fill", {"3": "郁金香"}, box=3, photos=given[8:]), SETTINGS)
    held = done(held, act("remove", box=2), SETTINGS)
    assert [box.name for box in held] == ["cats", "郁金香"]
    assert [name for name, _ in held[1].files()] == [f"{number:04}.jpg" for number in range(10)]
    shown = held[1].shown()
    assert (shown["number"], shown["count"], len(shown["pictures"])) == (3, 10, PICTURES_SHOWN)
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in shown["pictures"])
    assert done(held, act("add"), SETTINGS)[-1].number == 4
    assert done(held, act("use", {"1": "lions"}), SETTINGS)[0].name == "lions"


def test_the_newest_photos_are_shown_first(given: list[dict[str, Any]]) -> None:
    both = done(
        done(FIRST, act("fill", box=1, photos=given[:1]), SETTINGS), act("fill", box=1, photos=given[1:2]), SETTINGS
    )
    newest = done(FIRST, act("fill", box=1, photos=given[1:2]), SETTINGS)
    assert both[0].pictures[0] == newest[0].pictures[0] != both[0].pictures[1]


def test_what_is_no_picture_is_counted_and_not_shown(tmp_path: Path, given: list[dict[str, Any]]) -> None:
    Path(given[0]["file"]["path"]).write_text("text")
    [box, _] = done(FIRST, act("fill", box=1, photos=[*given[:2], {"rel": "large.tif"}]), SETTINGS)
    assert (len(box.photos), len(box.pictures), len(box.files())) == (3, 1, 2)


@pytest.mark.parametrize(
    "payload",
    [
        *(None, "add", [], {}, {"act": "add"}, act("burn"), {"act": "add", "names": ["cats"]}, act("remove")),
        *(act("fill", box=1), act("fill", box=1, photos=None), act("fill", box=1, photos=[3])),
        act("fill", box=1, photos=[{"rel": "a", "file": {"path": "/etc/passwd", "meta": META}}]),
    ],
)
def test_nonsense_is_refused(payload: object) -> None:
    with pytest.raises(AppError, match=r"not a list of photos|not a file that was uploaded"):
        done(FIRST, payload, SETTINGS)


def test_names_are_cut_and_boxes_that_are_not_there_are_passed_over(given: list[dict[str, Any]]) -> None:
    held = done(FIRST, act("name", {"1": "x" * 1_000, "7": "nobody"}), SETTINGS)
    assert [len(box.name) for box in held] == [boxes.MOST_LETTERS, 0]
    assert done(FIRST, act("fill", box=7, photos=given), SETTINGS) == FIRST


def test_there_is_an_end(given: list[dict[str, Any]]) -> None:
    many = tuple(Box(number) for number in range(MOST_BOXES))
    with pytest.raises(AppError, match=str(MOST_BOXES)):
        done(many, act("add"), SETTINGS)
    few = Settings(max_dataset_photos=15)
    held = done(FIRST, act("fill", box=1, photos=given), few)
    with pytest.raises(AppError, match="15"):
        done(held, act("fill", box=2, photos=given), few)
