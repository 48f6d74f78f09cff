"""Boxes: what may be done to them, whoever says so, and what the page is told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resnet_demo.settings import Settings
from resnet_demo.texts import AppError
from resnet_demo.ui.tabs.finetune import class_boxes
from resnet_demo.ui.tabs.finetune.class_boxes import FIRST, MOST_BOXES, PICTURES_SHOWN, Box, apply_action
from tests.tiny import photos

SETTINGS = Settings()
META = {"_type": "gradio.FileData"}


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Ten uploaded photos, as the page names them."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    paths = photos(tmp_path / "uploads", 10)
    return [{"rel": f"my/{path.name}", "file": {"path": str(path), "meta": META}} for path in paths]


def action(kind: str, names: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"act": kind, "names": names or {}, **more}


def test_boxes_are_added_named_filled_and_removed(given: list[dict[str, Any]]) -> None:
    held = apply_action(FIRST, action("add", {"1": "cats", "2": " dogs "}), SETTINGS)
    assert [(box.number, box.name) for box in held] == [(1, "cats"), (2, "dogs"), (3, "")]
    held = apply_action(held, action("fill", box=3, photos=given[:8]), SETTINGS)
    held = apply_action(held, action("fill", {"3": "郁金香"}, box=3, photos=given[8:]), SETTINGS)
    held = apply_action(held, action("remove", box=2), SETTINGS)
    assert [box.name for box in held] == ["cats", "郁金香"]
    assert [name for name, _ in held[1].files()] == [f"{number:04}.jpg" for number in range(10)]
    shown = held[1].for_page()
    assert (shown["number"], shown["count"], len(shown["pictures"])) == (3, 10, 10)
    assert [picture["number"] for picture in shown["pictures"]] == list(range(10, 0, -1))
    assert all(picture["uri"].startswith("data:image/jpeg;base64,") for picture in shown["pictures"])
    assert apply_action(held, action("add"), SETTINGS)[-1].number == 4
    assert apply_action(held, action("use", {"1": "lions"}), SETTINGS)[0].name == "lions"


def test_the_newest_photos_are_shown_first(given: list[dict[str, Any]]) -> None:
    both = apply_action(
        apply_action(FIRST, action("fill", box=1, photos=given[:1]), SETTINGS),
        action("fill", box=1, photos=given[1:2]),
        SETTINGS,
    )
    newest = apply_action(FIRST, action("fill", box=1, photos=given[1:2]), SETTINGS)
    assert both[0].pictures[0].uri == newest[0].pictures[0].uri != both[0].pictures[1].uri


def test_a_single_photo_is_taken_out(given: list[dict[str, Any]]) -> None:
    held = apply_action(FIRST, action("fill", box=1, photos=given[:4]), SETTINGS)
    left = apply_action(held, action("take_out", box=1, photo=2), SETTINGS)
    assert [name for name, _ in left[0].files()] == ["0000.jpg", "0002.jpg", "0003.jpg"]
    assert [picture.number for picture in left[0].pictures] == [4, 3, 1]
    # What comes later does not get its number.
    again = apply_action(left, action("fill", box=1, photos=given[4:5]), SETTINGS)
    assert list(again[0].photos) == [1, 3, 4, 5]
    for nobody in (2, 77, None, "1", []):
        assert apply_action(left, action("take_out", box=1, photo=nobody), SETTINGS) == left


def test_of_many_photos_the_newest_are_shown(given: list[dict[str, Any]]) -> None:
    [box, _] = apply_action(FIRST, action("fill", box=1, photos=given * 10), SETTINGS)
    assert (len(box.photos), len(box.pictures)) == (100, PICTURES_SHOWN)
    assert box.pictures[0].number == 100


def test_what_is_no_picture_is_counted_and_not_shown(tmp_path: Path, given: list[dict[str, Any]]) -> None:
    Path(given[0]["file"]["path"]).write_text("text")
    [box, _] = apply_action(FIRST, action("fill", box=1, photos=[*given[:2], {"rel": "large.tif"}]), SETTINGS)
    assert (len(box.photos), len(box.pictures), len(box.files())) == (3, 1, 2)


@pytest.mark.parametrize(
    "payload",
    [
        *(None, "add", [], {}, {"act": "add"}, action("burn"), {"act": "add", "names": ["cats"]}, action("remove")),
        *(action("fill", box=1), action("fill", box=1, photos=None), action("fill", box=1, photos=[3])),
        action("fill", box=1, photos=[{"rel": "a", "file": {"path": "/etc/passwd", "meta": META}}]),
    ],
)
def test_nonsense_is_refused(payload: object) -> None:
    with pytest.raises(AppError, match=r"not a list of photos|not a file that was uploaded"):
        apply_action(FIRST, payload, SETTINGS)


def test_names_are_cut_and_boxes_that_are_not_there_are_passed_over(given: list[dict[str, Any]]) -> None:
    held = apply_action(FIRST, action("name", {"1": "x" * 1_000, "7": "nobody"}), SETTINGS)
    assert [len(box.name) for box in held] == [class_boxes.MOST_LETTERS, 0]
    assert apply_action(FIRST, action("fill", box=7, photos=given), SETTINGS) == FIRST


def test_there_is_an_end(given: list[dict[str, Any]]) -> None:
    many = tuple(Box(number) for number in range(MOST_BOXES))
    with pytest.raises(AppError, match=str(MOST_BOXES)):
        apply_action(many, action("add"), SETTINGS)
    few = Settings(max_dataset_photos=15)
    held = apply_action(FIRST, action("fill", box=1, photos=given), few)
    with pytest.raises(AppError, match="15"):
        apply_action(held, action("fill", box=2, photos=given), few)
