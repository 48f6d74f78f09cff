"""The Look inside tab: each section shows a small network as it is, and nothing that a browser may send breaks it."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from resnet_demo.settings import Settings
from resnet_demo.texts import LANGUAGES, AppError, text
from resnet_demo.ui.drop import ReceivedPhoto
from resnet_demo.ui.language import Words
from resnet_demo.ui.looking import Given, Looking
from resnet_demo.ui.services import Services
from resnet_demo.ui.session import Session, Wish
from resnet_demo.ui.tabs import look_inside
from resnet_demo.ui.tabs.look_inside import adds, desk, flow, maps, picture, proof, several, subject, where
from resnet_demo.ui.tabs.look_inside.desk import Desk, View
from tests.shelf import run_with_model
from tests.tiny import LABELS, photos

NONSENSE: list[object] = [
    None,
    [],
    "x",
    {},
    {"name": 7},
    {"name": "stage9"},
    {"name": "-1"},
    {"name": "9" * 40},
    {"name": "²"},
]


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> View:
    """A look at one photo with a network of nine blocks, of which seven can be switched off."""
    torch.set_num_threads(1)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    settings = Settings(home=tmp_path / "home")
    run = run_with_model(settings)
    [photo] = photos(tmp_path / "photos", 1)
    begun, look = Looking(Services(settings)).begin(ReceivedPhoto("a <b>.jpg", photo), run.name, None)
    return View(look, begun, "stage3", (), begun.guesses[0].index, "en", lambda share: None, None)  # noqa: ARG005


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("order", maps.ORDERS)
@pytest.mark.parametrize("part", ["stem", "stage1", "stage2.0"])
def test_tiles_are_the_channels(view: View, part: str, order: Any, language: str) -> None:
    view = replace(view, part=part, language=language)
    about, tiles, over, said, filters = maps._show(view, order, "all")
    channels = 32 if part == "stage2.0" else 16
    assert tiles.count("<button") == channels
    assert part in about
    first = int(tiles.split('data-name="')[1].split('"')[0])
    assert over["value"].shape == (40, 48, 3)
    assert text("look.maps.channel", language, channel=first) in said
    assert filters["visible"] == (part == "stem")


def test_a_tile_is_laid_over_the_photo(view: View) -> None:
    shown, said = maps._show_channel(replace(view, sent={"name": "5"}), "strongest")
    assert shown["label"] == text("look.maps.channel", channel=5)
    assert "5" in said


@pytest.mark.parametrize("sent", [*NONSENSE, {"name": "64"}, {"name": "stage1"}])
def test_what_is_no_channel_is_a_sentence(view: View, sent: object) -> None:
    with pytest.raises(AppError):
        maps._show_channel(replace(view, sent=sent), "strongest")


@pytest.mark.parametrize("name", ["stem", "stage2", "stage3.1"])
def test_a_part_is_chosen_on_the_picture(view: View, name: str) -> None:
    part, drawn = picture._pick(replace(view, sent={"name": name}))
    assert part == name
    assert drawn.count('aria-pressed="true"') == 1


def test_only_the_open_section_is_shown_anew(tmp_path: Path) -> None:
    with gr.Blocks():
        words = Words()
        words.make_selector()
        made = Desk(words, Services(Settings(home=tmp_path)), Session())
    made.due = dict.fromkeys(("maps", "where", "flow"))
    nothing, first, *rest = made.renew("where")
    assert [nothing, *rest] == [gr.skip()] * 2
    assert made.renew("where")[1] > first


@pytest.mark.parametrize("sent", NONSENSE)
def test_what_is_no_part_is_a_sentence(view: View, sent: object) -> None:
    with pytest.raises(AppError):
        picture._pick(replace(view, sent=sent))


def test_a_block_in_its_parts(view: View) -> None:
    about, channel, drawn, numbers, ratios, *_ = adds._show(replace(view, part="stage2.1"), None)
    assert "stage2.1" in about
    assert len(channel["choices"]) == 1 + adds.BUSIEST
    assert drawn["value"].count("<figure>") == 4
    assert not numbers["visible"]
    assert ratios["value"].count("data-name") == 9


def test_the_numbers_of_a_point_add_up(view: View) -> None:
    shown = adds._numbers(replace(view, part="stage2.1", sent={"row": 3, "column": 15}), 4)
    x, added, total, left = (float(cell.split("</dd>")[0]) for cell in shown["value"].split("<dd>")[1:])
    assert x + added == pytest.approx(total, abs=0.002)
    assert left == max(total, 0)


@pytest.mark.parametrize(
    "sent", [None, {}, {"row": 0}, {"row": 0, "column": 16}, {"row": -1, "column": 0}, {"row": "0", "column": 0}]
)
def test_what_is_no_point_is_a_sentence(view: View, sent: object) -> None:
    with pytest.raises(AppError):
        adds._numbers(replace(view, part="stage2.1", sent=sent), -1)


def test_a_block_off_and_on_again(view: View) -> None:
    view = replace(view, part="stage2.1")
    off, drawn, _, toggle, everything, compared = adds._toggle(view)
    assert off == ("stage2.1",)
    assert toggle["value"] == text("look.off.back", name="stage2.1")
    assert everything["visible"]
    assert compared.count("<h2>") == 2
    assert text("plots.network.off") in drawn
    assert adds._toggle(replace(view, off=off))[0] == ()
    assert adds._all_on(replace(view, off=off))[0] == ()
    without = view.look.guesses(off)
    assert [guess.probability for guess in without] != [guess.probability for guess in view.subject.guesses]


def test_why_a_block_stays_on(view: View) -> None:
    why, toggle, *_ = adds._switching(replace(view, part="stage2.0"))
    assert "stage2.0" in why
    assert not toggle["interactive"]
    with pytest.raises(AppError):
        adds._toggle(replace(view, part="stage2.0"))


@pytest.mark.parametrize("method", where.NAMES)
def test_every_method_has_its_map(view: View, method: str) -> None:
    found, other, about, shown, *hidden = where._show(view, method, desk.NOBODY, 0.5, None)
    assert found.method.name == method
    assert shown["value"].shape == (40, 48, 3)
    assert other["value"] == desk.NOBODY
    assert len(other["choices"]) == len(LABELS)
    assert "<h3>" in about
    assert not any(update["visible"] for update in hidden)


def test_the_methods_are_all_of_them() -> None:
    from resnet_demo.explain.methods import METHODS

    assert tuple(METHODS) == where.NAMES


def test_why_one_class_and_not_another(view: View) -> None:
    other = view.subject.guesses[1]
    _, update, about, *_ = where._show(view, "gradcam", other.index, 0.5, None)
    assert update["value"] == other.index
    assert about.count("&quot;") == 4
    alone = where._show(view, "gradcam", view.wanted, 0.5, None)
    assert alone[1]["value"] == desk.NOBODY


def test_the_best_classes_side_by_side(view: View) -> None:
    shown = where._five(view, "gradcam", 0.5)
    assert shown["value"].count("<figure>") == len(LABELS)
    assert "<b>郁金香 &lt;b&gt;</b>" in shown["value"]


def test_files_to_take_away(view: View) -> None:
    found = where._show(view, "layercam", desk.NOBODY, 0.5, None)[0]
    folder, shown = where._write(view, found, 0.5, None)
    picture_file, array, paper = map(Path, shown["value"])
    assert np.load(array).shape == (40, 48)
    assert picture_file.read_bytes().startswith(b"\x89PNG")
    assert paper.read_bytes().startswith(b"%PDF")
    again, _ = where._write(view, found, 0.5, folder)
    assert again.is_dir()
    assert not folder.exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_map_is_put_to_the_test(view: View, language: str) -> None:
    told: list[float] = []
    shown = proof.prove(replace(view, language=language, share=told.append), "gradcam", desk.NOBODY)["value"]
    assert shown.count("<svg") == 2
    assert text("look.proof.sanity", language) in shown
    assert told == sorted(told)
    assert told[-1] == 1


def test_how_the_gradient_flows(view: View) -> None:
    about, drawn = flow._show(view)
    assert text("look.flow.about")[:20] in about
    assert drawn.count("data-name") == 18


@pytest.mark.parametrize("wanted", [None, -1, 5, True, "0", 10**30])
def test_a_class_that_there_is_not_means_the_best(view: View, wanted: object) -> None:
    assert not view.look.knows(wanted)
    [found] = where._explain(view, "gradcam", [view.look.target(wanted)])
    assert found.asked[0].index == view.subject.guesses[0].index


def test_a_photo_that_is_gone_is_a_sentence(view: View) -> None:
    assert view.subject.photo.path is not None
    view.subject.photo.path.unlink()
    with pytest.raises(AppError, match=text("look.gone")[:20]):
        maps._show(view, "strongest", "64")


def test_events_without_a_photo_do_nothing_and_clicks_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gr.Blocks() as demo:
        words, services, session = Words(), Services(Settings(home=tmp_path, keep_seconds=77)), Session()
        words.make_selector()
        look_inside.build(words, services, session)
    kept = [block.time_to_live for block in demo.blocks.values() if isinstance(block, gr.State)]
    assert set(kept) <= {77, float("inf")}
    assert {function.api_visibility for function in demo.fns.values()} == {"private"}
    made, outputs = Desk(words, services, session), [words.selector] * 2
    nothing = gr.EventData(None, None), None, "maps", None, "", (), None, None, "en"
    assert made.section("maps", maps._show, [], outputs)["fn"](*nothing) == [gr.skip()] * 2
    assert capsys.readouterr().out == ""
    assert made.event(maps._show, [], outputs)["fn"](*nothing) == [gr.skip()] * 2
    assert list(made.growing(maps._show, [], outputs)["fn"](*nothing)) == [[gr.skip()] * 2]
    assert capsys.readouterr().out == 2 * (text("classify.gone") + "\n")


def test_what_nobody_waits_for_any_more_ends(view: View, tmp_path: Path) -> None:
    with gr.Blocks():
        words, services = Words(), Services(Settings(home=tmp_path / "home"))
        words.make_selector()
        made = Desk(words, services, Session())
    state = ("where", view.subject, "stage3", (), None, None, "en")
    told = []

    def slow(one: View) -> None:
        one.share(0.1)
        made.supersede(view.subject)
        told.append("superseded")
        one.share(0.2)
        told.append("went on")

    assert made.event(slow, [], [words.selector] * 2)["fn"](gr.EventData(None, None), print, *state) == [gr.skip()] * 2
    assert told == ["superseded"]
    # A section that is shown anew ends what was asked before.
    turn = made.turns[view.subject]
    made.section("where", print, [], [words.selector])["fn"](gr.EventData(None, None), print, *state)
    assert made.turns[view.subject] == turn + 1


def test_of_several_photos_no_method_takes_hours(view: View) -> None:
    with pytest.raises(AppError, match="too long"):
        several.each_its_best(view, "scorecam", 0.5, None)


def top_in(home: Path) -> subject.Top:
    """What stands above the sections, on a page with this home."""
    with gr.Blocks():
        words, session = Words(), Session()
        words.make_selector()
        return subject.Top(Desk(words, Services(Settings(home=home)), session))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_chosen_stays_for_the_next_photo(view: View, tmp_path: Path, language: str) -> None:
    top = top_in(tmp_path / "home")
    given, model = Given((view.subject.photo,)), view.subject.model
    first = top.begin(given, model, None, "stage9", ("stage1.0",), None, language)
    assert first[1:3] == ["stage3", ()]
    again = top.begin(given, model, first[0], "stage1.2", ("stage1.0",), None, language)
    assert again[1:3] == ["stage1.2", ("stage1.0",)]
    assert [number for _, number in again[8]["choices"]][:5] == [guess.index for guess in view.subject.guesses]
    assert again[9]["value"] == desk.NOBODY
    with pytest.raises(gr.Error):
        top.begin(given, "no such model", None, "", (), None, language)
    with pytest.raises(gr.Error):
        top.begin(Given((ReceivedPhoto("big.jpg", None),)), model, None, "", (), None, language)


def test_a_wish_chooses_photo_model_classes_and_section(view: View, tmp_path: Path) -> None:
    top = top_in(tmp_path / "home")
    last, rival = (view.subject.guesses[rank].index for rank in (-1, 1))
    wish = Wish(view.subject.model, view.subject.photo, last, rival)
    given, strip, model, opened, sections, *old = top.take_wish(wish, "en", None)
    assert (given.photo, model["value"], opened) == (view.subject.photo, view.subject.model, "where")
    assert sections.selected == "where"
    assert [shown["visible"] for shown in (strip, *old)] == [False, True, False, False]
    begun = top.begin(given, view.subject.model, None, "", (), None, "en")
    assert begun[7] == begun[8]["value"] == last
    assert begun[9]["value"] == rival
    assert (LABELS[rival], rival) in begun[9]["choices"]
    alone = top.begin(replace(given, wish=replace(wish, asked=99, rival=None)), wish.model, None, "", (), None, "en")
    assert alone[7] == alone[8]["value"] == view.subject.guesses[0].index
    assert alone[9]["value"] == desk.NOBODY
    assert given.wish_for("another model") is None


def test_one_of_several_photos_is_picked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    top = top_in(tmp_path / "home")
    paths = photos(tmp_path / "photos", several.MOST + 2)
    given = Given(tuple(ReceivedPhoto(f"<b>{path.name}", path) for path in paths))
    shown = top.strip_again(given, "en")["value"]
    assert shown.count("data:image/jpeg") == several.MOST
    assert shown.count('aria-pressed="true"') == 1
    assert "<b>" not in shown
    assert str(len(paths)) in shown
    picked = top.take_pick(given, "en", gr.EventData(None, {"name": "25"}))
    assert picked.photo.path == paths[25]
    for sent in (*NONSENSE, {"name": "26"}):
        with pytest.raises(gr.Error):
            top.take_pick(given, "en", gr.EventData(None, sent))
    two = Given((ReceivedPhoto("big.jpg", None), given.photo))
    assert top.strip_again(two, "zh-CN")["value"].count("<img") == 1


def test_maps_of_several_photos_side_by_side(view: View, tmp_path: Path) -> None:
    [bad] = photos(tmp_path / "bad", 1)
    bad.write_bytes(b"no picture")
    received = [view.subject.photo, ReceivedPhoto("bad.jpg", bad), ReceivedPhoto("large.jpg", None)]
    received += [ReceivedPhoto(path.name, path) for path in photos(tmp_path / "more", several.MOST)]
    told: list[float] = []
    view = replace(view, share=told.append)
    given = Given(tuple(received))
    assert where._show(view, "gradcam", desk.NOBODY, 0.5, given)[4]["visible"]
    best = several.each_its_best(view, "gradcam", 0.5, given)["value"]
    assert best.count("<figure>") == several.MOST
    assert best.count("<img") == several.MOST - 2
    assert text("images.problem.not_an_image") in best
    assert told[-1] == 1
    wanted = view.subject.guesses[-1]
    asked = several.all_this_class(replace(view, wanted=wanted.index), "gradcam", desk.NOBODY, 0.5, given)["value"]
    assert asked.count(f"<b>{html.escape(wanted.label)}</b>") == several.MOST - 2
