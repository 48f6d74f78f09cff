"""The handlers of the photos step: who may do what, and what is left when nobody waits for the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from resnet_demo.data.staging import kept_in
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.run import Run
from resnet_demo.ui import page
from resnet_demo.ui.keeping import keep_clear, needed_by_runs
from resnet_demo.ui.tabs.finetune import photos
from tests.data.drawn import flowers, jpeg, write
from tests.data.test_archive import zipped

META = {"_type": "gradio.FileData"}
ENGLISH = (None, None, "en")


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


def last(steps: Iterator[list[Any]]) -> list[Any]:
    *_, shown = steps
    return shown


def test_a_drop_is_reported_and_chosen(demo: gr.Blocks, settings: Settings, uploads: Path) -> None:
    shown = last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"my.zip": zipped(flowers(6))})))
    assert shown[0] == str(settings.home / "datasets" / "my")
    assert text("photos.report.title", photos=12, classes=2) in shown[2]
    assert shown[4]["interactive"]


def test_one_class_is_kept_but_leads_nowhere(demo: gr.Blocks, uploads: Path) -> None:
    shown = last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"cats/1.jpg": jpeg(1)})))
    assert shown[0]
    assert not shown[4]["interactive"]
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
    for wish in (str(folder), str(tmp_path / "none"), "", None, 3):
        with pytest.raises(gr.Error):
            last(handler(demo, "photos_folder")(*ENGLISH, wish))
    assert (folder / "1.jpg").exists()
    write(folder, flowers(6))
    assert last(handler(demo, "photos_folder")(*ENGLISH, f" {folder} "))[0] == str(folder)


def test_strangers_name_no_folder(settings: Settings, tmp_path: Path) -> None:
    public = page.build(Settings(home=settings.home, public=True))
    assert "photos-drop" in names(public)
    assert "photos-folder" not in names(public)
    endpoints = {function.api_name for function in public.fns.values()}
    assert "photos_drop" in endpoints
    assert not endpoints & {"photos_folder", "list_folders"}


def test_strangers_fill_no_more_than_there_is_room_for(settings: Settings, uploads: Path) -> None:
    shared = Settings(home=settings.home, public=True, max_stored_bytes=1_000)
    theirs = write(kept_in(shared) / "theirs", {"a": bytes(900)})
    public = page.build(shared)
    with pytest.raises(gr.Error):
        last(handler(public, "photos_drop")(*ENGLISH, payload(uploads, {"cats/1.jpg": jpeg(1)})))
    assert list(kept_in(shared).iterdir()) == [theirs]


def test_the_settings_that_were_kept_decide_the_split(demo: gr.Blocks, uploads: Path) -> None:
    kept = {"seed": "7", "val_share": "0.3"}
    files = payload(uploads, {"my.zip": zipped(flowers(20))})
    split = last(handler(demo, "photos_drop")(kept, None, "en", files))[1].split
    assert (split.seed, len(split.val)) == (7, 12)
    nonsense = {"seed": "many", "val_share": ["x"]}
    assert last(handler(demo, "photos_drop")(nonsense, None, "en", files))[1].split.seed == 0


def test_samples_of_photos_that_are_gone(demo: gr.Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    assert handler(demo, "draw")(None, 0.4, None, None, "en") == (gr.skip(), gr.skip())
    assert text("photos.gone") in capsys.readouterr().out


def test_another_language(demo: gr.Blocks, uploads: Path) -> None:
    empty = photos._empty("en")
    assert photos._say_again(None, None, empty, "zh-CN")[0] == photos._empty("zh-CN")
    assert photos._say_again(None, None, "<h2>my</h2>", "zh-CN") == [gr.skip()] * 3
    shown = last(handler(demo, "photos_drop")(*ENGLISH, payload(uploads, {"my.zip": zipped(flowers(6))})))
    heading, report, samples = photos._say_again(shown[1], None, shown[2], "zh-CN")
    assert text("photos.report.title", "zh-CN", photos=12, classes=2) in heading
    assert text("report.fine", "zh-CN") in report
    assert samples == gr.skip()


def test_photos_that_a_training_waits_for_are_needed(settings: Settings) -> None:
    folder = settings.home / "datasets" / "my"
    config = TrainConfig(data=str(folder))
    run = Run.create(settings.home, config, {})
    assert needed_by_runs(settings.home) == {folder}
    run.append("finished")
    assert needed_by_runs(settings.home) == set()


def test_old_photos_go_while_nobody_visits(settings: Settings) -> None:
    public = Settings(home=settings.home, public=True, keep_seconds=50)
    old = write(kept_in(public) / "old", flowers(1))
    os.utime(old, (time.time() - 100,) * 2)
    keep_clear(settings, 0.01)
    time.sleep(0.2)
    assert old.exists()
    keep_clear(public, 3_600)
    for _ in range(100):
        time.sleep(0.02)
        if not old.exists():
            return
    raise AssertionError("still there")
