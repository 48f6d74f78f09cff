"""The saliency map, beside others and in files, and its tests."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from resnet_demo.explain.methods import METHODS
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.ui.components.drop_zone import ReceivedPhoto
from resnet_demo.ui.components.work_status import StoppedError
from resnet_demo.ui.tabs.look_inside import saliency, several_photos
from resnet_demo.ui.tabs.look_inside.event_context import EventContext
from resnet_demo.ui.tabs.look_inside.inspection import PhotoSelection
from resnet_demo.ui.tabs.look_inside.saliency import SaliencySection
from resnet_demo.ui.tabs.look_inside.section_events import SectionEvents
from resnet_demo.ui.visitor_context import speaking
from tests.tiny import LABELS, photos


@pytest.fixture
def section(events: SectionEvents) -> SaliencySection:
    return SaliencySection(events, gr.Image())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_map(section: SaliencySection, context: EventContext, method: str) -> None:
    shown = section.show(context, method, 0.5)
    other = json.loads(shown[section.contrast_choice]["value"])
    assert shown[section.found].method.name == method
    assert shown[section.map]["value"].shape == (40, 48, 3)
    assert other["chosen"] == saliency.NO_CONTRAST
    assert len(other["classes"]) == len(LABELS)
    assert "<h3>" in shown[section.about]
    assert not any(shown[part]["visible"] for part in (section.several, section.download))
    assert [shown[part]["value"] for part in (section.beside, section.faithfulness)] == ["", ""]


def test_a_slow_map_is_made_once_its_section_is_open(section: SaliencySection, context: EventContext) -> None:
    def never(done: float) -> None:
        raise AssertionError(done)

    elsewhere = replace(context.with_selection(open_section="maps"), share=never)
    shown = section.show(elsewhere, "scorecam", 0.5)
    assert (shown[section.found], shown[section.map]["value"]) == (None, None)
    assert shown[section.map]["label"] == text("look.saliency.later")


def test_the_map_says_of_what_it_is(section: SaliencySection, context: EventContext) -> None:
    best, second = context.inspected.guesses[:2]
    context = context.with_selection(contrast_class=second.index)
    assert section.show(context, "gradcam", 0.5)[section.map]["label"] == f"{best.label} – {second.label} · stage3"


def test_why_one_class_and_not_another(section: SaliencySection, context: EventContext) -> None:
    other = context.inspected.guesses[1].index
    shown = section.show(context.with_selection(contrast_class=other), "gradcam", 0.5)
    assert json.loads(shown[section.contrast_choice]["value"])["chosen"] == other
    assert shown[section.about].count("&quot;") == 4
    for nobody in (context.selection.target_class, None, saliency.NO_CONTRAST, len(LABELS), "0"):
        alone = section.show(context.with_selection(contrast_class=nobody), "gradcam", 0.5)
        assert json.loads(alone[section.contrast_choice]["value"])["chosen"] == saliency.NO_CONTRAST
        assert alone[section.about].count("&quot;") == 2


@pytest.mark.parametrize("target_class", [None, -1, 5, True, "0", 10**30])
def test_a_class_that_there_is_not_means_the_best(
    section: SaliencySection, context: EventContext, target_class: object
) -> None:
    assert not context.inspection.knows(target_class)
    shown = section.show(context.with_selection(target_class=target_class), "gradcam", 0.5)
    assert shown[section.found].target_classes[0].index == context.inspected.guesses[0].index


def test_the_best_classes_side_by_side(section: SaliencySection, context: EventContext) -> None:
    shown = section.show_best_classes(context, "gradcam", 0.5)[section.beside]
    assert shown["value"].count("<figure>") == len(LABELS)
    assert "<b>郁金香 &lt;b&gt;</b>" in shown["value"]


def test_the_map_is_blended_anew_while_it_is_of_this_photo(section: SaliencySection, context: EventContext) -> None:
    shown = section.show(context, "gradcam", 0.5)
    found = shown[section.found]
    blended = section.blend(context, found, 1.0)[section.map]["value"]
    assert (blended != shown[section.map]["value"]).any()
    for stale in (None, replace(found, file="/another.jpg")):
        assert section.map not in section.blend(context, stale, 1.0)
        assert section.download not in section.write_files(context, stale, 1.0, None)


def test_files_to_take_away(section: SaliencySection, context: EventContext) -> None:
    found = section.show(context, "layercam", 0.5)[section.found]
    shown = section.write_files(context, found, 0.5, None)
    folder = shown[section.folder]
    picture_file, array, paper = map(Path, shown[section.download]["value"])
    assert np.load(array).shape == (40, 48)
    assert picture_file.read_bytes().startswith(b"\x89PNG")
    assert paper.read_bytes().startswith(b"%PDF")
    again = section.write_files(context, found, 0.5, folder)
    assert again[section.folder].is_dir()
    assert not folder.exists()

    def stop(done: float) -> None:
        if done > 0.25:
            raise StoppedError

    before = set(again[section.folder].parent.iterdir())
    with pytest.raises(StoppedError):
        section.write_files(replace(context, share=stop), found, 0.5, again[section.folder])
    assert set(again[section.folder].parent.iterdir()) == before  # the last files stay, and no others


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_map_is_put_to_the_test(section: SaliencySection, context: EventContext, language: str) -> None:
    told: list[float] = []
    with speaking(language):
        first, last = section.check_faithfulness(replace(context, share=told.append), "gradcam")
    shown = last[section.faithfulness]
    assert shown["value"].startswith(first[section.faithfulness]["value"])
    assert shown["value"].count("<svg") == 2
    assert text("look.faithfulness.sanity", language) in shown["value"]
    assert told == sorted(told)
    assert told[-1] == 1


def test_of_several_photos_no_method_takes_hours(section: SaliencySection, context: EventContext) -> None:
    with pytest.raises(AppError, match="too long"):
        section.show_each_photo(context, "scorecam", 0.5)


def test_maps_of_several_photos_side_by_side(section: SaliencySection, context: EventContext, tmp_path: Path) -> None:
    [bad] = photos(tmp_path / "bad", 1)
    bad.write_bytes(b"no picture")
    received = [context.inspected.photo, ReceivedPhoto("bad.jpg", bad), ReceivedPhoto("large.jpg", None)]
    received += [ReceivedPhoto(path.name, path) for path in photos(tmp_path / "more", several_photos.MOST)]
    told: list[float] = []
    context = replace(context.with_selection(photos=PhotoSelection(tuple(received))), share=told.append)
    assert section.show(context, "gradcam", 0.5)[section.several]["visible"]
    best = section.show_each_photo(context, "gradcam", 0.5)[section.beside]["value"]
    assert best.count("<figure>") == several_photos.MOST
    assert best.count("<img") == several_photos.MOST - 2
    assert text("images.problem.not_an_image") in best
    assert told[-1] == 1
    target_class = context.inspected.guesses[-1]
    asked = section.show_all_photos(context.with_selection(target_class=target_class.index), "gradcam", 0.5)
    assert asked[section.beside]["value"].count(f"<b>{html.escape(target_class.label)}</b>") == several_photos.MOST - 2
