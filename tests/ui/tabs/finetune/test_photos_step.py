"""The handlers of the photos step: who may do what, and what is left when nobody waits for the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from resnet_demo.data.dataset_storage import storage_folder
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from resnet_demo.ui import page
from resnet_demo.ui.security.retention import needed_by_runs, start_cleanup
from resnet_demo.ui.tabs.finetune.dataset_report import DatasetReport
from tests.data.drawn import flowers, jpeg, write
from tests.data.test_archive import zipped
from tests.ui.handlers import by_name

META = {"_type": "gradio.FileData"}
ENGLISH = ("en", None, None)
"""Language, visitor, and the settings that the browser has kept."""


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def demo(settings: Settings) -> gr.Blocks:
    return page.build(settings)


def handler(demo: gr.Blocks, name: str) -> Any:
    return next(function.fn for function in demo.fns.values() if function.api_name == name)


def names(demo: gr.Blocks) -> set[str]:
    return {str(getattr(block, "elem_id", "")) for block in demo.blocks.values()}


def payload(uploads: Path, files: dict[str, bytes]) -> list[dict[str, Any]]:
    entries = []
    for number, (name, content) in enumerate(files.items()):
        (uploads / str(number)).write_bytes(content)
        entries.append({"rel": name, "file": {"path": str(uploads / str(number)), "meta": META}})
    return entries


def datasets(settings: Settings) -> list[str]:
    return sorted(folder.name for folder in (settings.home / "datasets").glob("*"))


def last(steps: Iterator[dict[Any, Any]]) -> dict[str, Any]:
    """The last updates, by the component's id; the folder that is chosen is `folder`, the report `report`."""
    *_, shown = steps
    folder, report, *_ = shown.values()
    return {"folder": folder, "report": report, **by_name(shown)}


def test_a_drop_is_reported_and_chosen(demo: gr.Blocks, settings: Settings, uploads: Path) -> None:
    shown = last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"my.zip": zipped(flowers(6))})))
    assert shown["folder"] == str(settings.home / "datasets" / "my")
    assert text("photos.report.title", photos=12, classes=2) in shown["photos-status"]
    assert shown["photos-go"]["interactive"]


def test_the_folder_is_read_as_the_person_says(demo: gr.Blocks, uploads: Path) -> None:
    files = flowers(4, ("big/a", "big/b", "small/a", "small/b"))
    first = last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"my.zip": zipped(files)})))
    assert {"big", "big/a", "small"} <= {value for _, value in by_value(first["photos-train_folder"]["choices"])}
    report: DatasetReport = first["report"]
    assert not report.dataset.layout.parts
    reread = next(found.fn for found in demo.fns.values() if "reread" in getattr(found.fn, "__qualname__", ""))
    again = last(reread("en", None, None, report, "big", None, "small", "auto", False, "auto"))
    assert again["report"].dataset.layout.folders() == {"train": ("big",), "test": ("small",)}
    assert text("understood.part.test", folders="small") in again["photos-report"]["value"]
    assert again["photos-train_folder"]["value"] == "big"
    with pytest.raises(gr.Error):
        last(reread("en", None, None, report, "../elsewhere", None, None, "auto", False, "auto"))
    with pytest.raises(gr.Error):
        last(reread("en", None, None, None, "big", None, None, "auto", False, "auto"))


def by_value(choices: list[object]) -> list[tuple[object, object]]:
    """Choices as Gradio has them, a name and a value each."""
    return [choice if isinstance(choice, tuple) else (choice, choice) for choice in choices]


def test_one_class_is_kept_but_leads_nowhere(demo: gr.Blocks, uploads: Path) -> None:
    shown = last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"cats/1.jpg": jpeg(1)})))
    assert shown["folder"]
    assert not shown["photos-go"]["interactive"]
    assert "photos-go" in names(demo)


@pytest.mark.parametrize(
    "files",
    [{"1.jpg": jpeg(1), "2.jpg": jpeg(2)}, {"cats/1.jpg": b"text", "cats/notes.txt": b"text"}, {"my.zip": zipped({})}],
    ids=["no class folders", "no photos", "an empty zip"],
)
def test_what_cannot_be_opened_is_not_kept(
    demo: gr.Blocks, settings: Settings, uploads: Path, files: dict[str, bytes]
) -> None:
    with pytest.raises(gr.Error):
        last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, files)))
    assert datasets(settings) == []


def test_a_page_that_is_closed_meanwhile_leaves_nothing(demo: gr.Blocks, settings: Settings, uploads: Path) -> None:
    steps = handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"my.zip": zipped(flowers(6))}))
    next(steps)
    assert datasets(settings) == ["my"]
    assert list((settings.home / "index").iterdir())
    steps.close()
    assert datasets(settings) == []
    assert list((settings.home / "index").iterdir()) == []


def test_a_folder_of_ones_own_stays_whatever_happens(demo: gr.Blocks, settings: Settings, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"1.jpg": jpeg(1)})
    for request in (str(folder), str(tmp_path / "none"), "", None, 3):
        with pytest.raises(gr.Error):
            last(handler(demo, "photos_folder")(*ENGLISH, request))
    assert (folder / "1.jpg").exists()
    write(folder, flowers(6))
    assert last(handler(demo, "photos_folder")(*ENGLISH, f" {folder} "))["folder"] == str(folder)


def test_strangers_name_no_folder(settings: Settings, tmp_path: Path) -> None:
    public = page.build(Settings(home=settings.home, public=True))
    assert "photos-drop" in names(public)
    assert "photos-folder" not in names(public)
    endpoints = {function.api_name for function in public.fns.values()}
    assert "photos_drop" in endpoints
    assert not endpoints & {"photos_folder", "list_folders"}


def test_strangers_fill_no_more_than_there_is_room_for(settings: Settings, uploads: Path) -> None:
    shared = Settings(home=settings.home, public=True, max_stored_bytes=1_000)
    theirs = write(storage_folder(shared) / "theirs", {"a": bytes(900)})
    public = page.build(shared)
    with pytest.raises(gr.Error):
        last(handler(public, "photos_drop")(*ENGLISH, payload(uploads, {"cats/1.jpg": jpeg(1)})))
    assert list(storage_folder(shared).iterdir()) == [theirs]


def test_the_settings_that_were_kept_decide_the_split(demo: gr.Blocks, uploads: Path) -> None:
    kept = {"seed": "7", "val_share": "0.3"}
    files = payload(uploads, {"my.zip": zipped(flowers(20))})
    split = last(handler(demo, "photos_drop")("en", None, kept, files))["report"].split
    assert (split.seed, len(split.val)) == (7, 12)
    nonsense = {"seed": "many", "val_share": ["x"]}
    assert last(handler(demo, "photos_drop")("en", None, nonsense, files))["report"].split.seed == 0


def test_samples_of_photos_that_are_gone(demo: gr.Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    assert handler(demo, "draw")("en", None, None, 0.4, None) == gr.skip()
    assert text("photos.gone") in capsys.readouterr().out


def test_another_language(demo: gr.Blocks, uploads: Path) -> None:
    translate = handler(demo, "translate_report")
    english, chinese = (f"<p>{escape(text('photos.empty', language))}</p>" for language in ("en", "zh-CN"))
    assert list(translate("zh-CN", None, None, None, english).values()) == [chinese]
    assert translate("zh-CN", None, None, None, "<h2>my</h2>") == {}
    *_, shown = handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"my.zip": zipped(flowers(6))}))
    [report] = [value for value in shown.values() if isinstance(value, DatasetReport)]
    updates = by_name(translate("zh-CN", None, report, None, by_name(shown)["photos-status"]))
    assert updates.keys() == {"photos-status", "photos-report"}
    assert text("photos.report.title", "zh-CN", photos=12, classes=2) in updates["photos-status"]
    assert text("dataset_facts.fine", "zh-CN") in updates["photos-report"]


def test_photos_that_a_training_waits_for_are_needed(settings: Settings) -> None:
    folder = settings.home / "datasets" / "my"
    config = TrainConfig(data=str(folder))
    run = Run.create(settings.home, config, {})
    assert needed_by_runs(settings.home) == {folder}
    run.events.append("finished")
    assert needed_by_runs(settings.home) == set()


def test_old_photos_go_while_nobody_visits(settings: Settings) -> None:
    public = Settings(home=settings.home, public=True, keep_seconds=50)
    old = write(storage_folder(public) / "old", flowers(1))
    os.utime(old, (time.time() - 100,) * 2)
    start_cleanup(settings, 0.01)
    time.sleep(0.2)
    assert old.exists()
    start_cleanup(public, 3_600)
    for _ in range(100):
        time.sleep(0.02)
        if not old.exists():
            return
    raise AssertionError("still there")
