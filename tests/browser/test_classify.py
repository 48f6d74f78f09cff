"""The Classify tab as a visitor uses it: photos dropped, chosen, filmed; every one accounted for."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_demo.models import variants
from resnet_demo.models.pretrained import imagenet_labels
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, chromium_path, playwright, visit
from tests.launched import free_port, launched
from tests.shelf import keep, run_with_model
from tests.tiny import photos

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 60_000
QUICK = "cifar_resnet20"
"""The model of a run, for hundreds of photos."""
expect.set_options(timeout=PATIENT / 2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of fresh weights for resnet18: its answers are nonsense, its ways are real."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    state = variants.build("resnet18").half().state_dict()
    torch.save(state, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    (folder / "new.pth").rename(folder / f"resnet18-{digest[:8]}.pth")
    return folder


@pytest.fixture(scope="module")
def url(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    run_with_model(Settings(home=home))
    with launch(weights, home) as address:
        yield address


def launch(weights: Path, home: Path) -> Any:
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    return launched(command, RESNET_DEMO_WEIGHTS=str(weights))


@contextmanager
def visit_tab(chromium: Any, url: str, model: str = "resnet18", **options: Any) -> Iterator[Any]:
    """A visit in which this model is chosen."""
    with visit(chromium, url, **options) as page:
        page.set_default_timeout(PATIENT)
        choose(page, model)
        yield page


def choose(page: Any, model: str) -> None:
    page.locator("#classify-model input").click()
    page.locator(f"[role=option][aria-label$='{model}'], [role=option][aria-label*='{model} · ']").first.click()


def drop(page: Any, *files: Path) -> None:
    page.set_input_files("#classify-photos input[type=file]:not([webkitdirectory])", [str(file) for file in files])


def is_done(page: Any, photos: int, named: int) -> None:
    said = text("classify.done", photos=photos, named=named, model="?", seconds="?", rate="?")
    expect(page.locator("#classify-status")).to_contain_text(said.split("?")[0], timeout=PATIENT)


def rows_of(page: Any) -> Any:
    """Those rows of the list that are in the page."""
    return page.locator("#classify-table tbody tr[data-number]")


def heading(page: Any, name: str) -> Any:
    return page.locator("#classify-table th").get_by_text(text(f"classify.header.{name}"), exact=True)


def test_one_photo_is_shown_with_five_classes(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url) as page:
        drop(page, *photos(tmp_path, 1))
        expect(page.locator("#classify-photo img")).to_be_visible(timeout=PATIENT)
        expect(page.locator("#classify-photo")).to_contain_text("0000.jpg")
        expect(page.locator("#classify-prediction li")).to_have_count(5)
        expect(page.locator("#classify-status")).to_contain_text(text("models.provenance.local_unknown"))
        expect(page.locator("#classify-table")).to_be_hidden()


def test_thirty_photos_with_two_bad_ones_are_all_accounted_for(chromium: Any, url: str, tmp_path: Path) -> None:
    files = photos(tmp_path, 30)
    files[4].write_text("no picture")
    files[20].write_bytes(files[20].read_bytes()[:300])
    files[7] = files[7].rename(tmp_path / "郁金香 <b>bold<b>.jpg")
    with visit_tab(chromium, url, accept_downloads=True) as page:
        drop(page, *files)
        is_done(page, 30, 28)
        expect(page.locator("#classify-gallery button img")).to_have_count(28)
        page.locator("#classify-list [name=show]").select_option("problem")
        expect(rows_of(page)).to_have_count(2)
        for bad in (files[4], files[20]):
            expect(page.locator("#classify-table")).to_contain_text(bad.name)
        with page.expect_download() as downloading:
            page.locator("#classify-download").click()
        with Path(downloading.value.path()).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert sorted(row["file"] for row in rows) == sorted(file.name for file in files)
        assert {row["file"] for row in rows if row["problem"]} == {files[4].name, files[20].name}
        assert {row["top1"] for row in rows if not row["problem"]} <= set(imagenet_labels())


def test_headings_sort_and_a_row_shows_its_photo_beside_it(chromium: Any, url: str, tmp_path: Path) -> None:
    files = photos(tmp_path, 40)
    with visit_tab(chromium, url, QUICK) as page:
        drop(page, *files)
        is_done(page, 40, 40)
        shown = page.locator("#classify-photo")
        expect(shown).to_contain_text("0000.jpg")
        expect(rows_of(page).first).to_contain_text("0000.jpg")
        heading(page, "number").click()
        heading(page, "number").click()  # the second click turns the order round
        expect(rows_of(page).first).to_contain_text("0039.jpg")
        rows_of(page).first.click()
        expect(shown).to_contain_text("0039.jpg")
        expect(shown).to_be_in_viewport(ratio=0.9)
        expect(rows_of(page).first).to_be_in_viewport()
        heading(page, "p1").click()
        cells = rows_of(page).locator("td:nth-child(4)")
        expect(page.locator("#classify-table th[aria-sort=ascending]")).to_have_text(text("classify.header.p1"))
        shares = [float(share) for share in cells.all_inner_texts()]
        assert shares == sorted(shares)
        page.locator("#classify-gallery button").first.click()
        expect(shown).to_contain_text(rows_of(page).first.locator("td:nth-child(2)").inner_text())
        rows_of(page).nth(0).focus()
        page.keyboard.press("ArrowDown")
        expect(shown).to_contain_text(rows_of(page).nth(1).locator("td:nth-child(2)").inner_text())


def test_on_a_phone_a_row_leads_to_its_photo(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url, QUICK, viewport=PHONE) as page:
        drop(page, *photos(tmp_path, 12))
        is_done(page, 12, 12)
        rows_of(page).nth(7).click()
        expect(page.locator("#classify-photo")).to_contain_text("0007.jpg")
        expect(page.locator("#classify-photo")).to_be_in_viewport(ratio=0.9)


def test_hundreds_of_photos_are_counted_stopped_filtered_and_reached(chromium: Any, url: str, tmp_path: Path) -> None:
    """Only what can be seen of them is in the page."""
    with visit_tab(chromium, url) as page:
        drop(page, *photos(tmp_path, 300))
        status = page.locator("#classify-status")
        expect(status.locator("progress[max='300']:not([value='0'])")).to_be_visible(timeout=PATIENT)
        expect(rows_of(page).first).to_be_visible(timeout=PATIENT)
        page.get_by_role("button", name=text("classify.stop"), exact=True).click()
        expect(status).to_contain_text(text("classify.stopped", done="?", photos=300, model="").split("?")[0])
        expect(status.locator("progress")).to_have_count(0)
        table = page.locator("#classify-table")
        answered = int(table.locator("table").get_attribute("aria-rowcount")) - 1
        assert answered >= 16
        counted = [
            int(words.rsplit(" ", 1)[1]) for words in page.locator("#classify-list .classes button").all_inner_texts()
        ]
        assert 1 <= sum(counted) <= answered
        table.evaluate("table => { table.scrollTop = table.scrollHeight }")
        expect(table.locator(f"[data-number='{answered - 1}']")).to_be_visible()
        gallery = page.locator("#classify-gallery")
        gallery.evaluate("gallery => { gallery.scrollTop = gallery.scrollHeight }")
        expect(gallery.locator(f"[data-number='{answered - 1}'] img")).to_be_visible()
        assert rows_of(page).count() < 40
        chip = page.locator("#classify-list .classes button").first
        chip.click()
        expect(page.locator("#classify-list .shown")).to_have_text(
            text("classify.list.shown", shown=counted[0], photos=answered)
        )
        expect(page.locator("#classify-list .classes button")).to_have_count(1)
        expect(table.locator("table")).to_have_attribute("aria-rowcount", str(counted[0] + 1))
        page.locator("#classify-list .clear").click()
        page.locator("#classify-list [name=least]").fill("100")
        expect(rows_of(page)).to_have_count(0)
        expect(gallery.locator("button")).to_have_count(0)


def test_heat_maps_a_reload_and_another_visitor(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url, QUICK) as page:
        drop(page, *photos(tmp_path, 3))
        is_done(page, 3, 3)
        picture = page.locator("#classify-photo img")
        plain = picture.get_attribute("src")
        page.locator("#classify-heat-map input").check()
        expect(picture).to_have_attribute("src", re.compile("heat-0"), timeout=PATIENT)
        heat = picture.get_attribute("src")
        assert changed(page, plain, heat)
        rows_of(page).nth(1).click()
        expect(picture).to_have_attribute("src", re.compile("heat-1"), timeout=PATIENT)
        rows_of(page).first.click()
        expect(picture).to_have_attribute("src", heat)
        said = page.locator("#classify-status .prose").inner_text()
        page.reload()
        expect(rows_of(page)).to_have_count(3, timeout=PATIENT)
        told = page.locator("#classify-status .prose")
        expect(told).to_have_text(said, use_inner_text=True)  # with its seconds: the network did not run again
        expect(page.locator("#classify-heat-map input")).to_be_checked()
        expect(picture).to_have_attribute("src", heat)
        expect(page.locator("#classify-model input")).to_have_value(re.compile(QUICK))
        page.locator("#classify-gallery button").nth(2).click()
        expect(page.locator("#classify-photo")).to_contain_text("0002.jpg")
    with visit(chromium, url) as page:
        expect(page.locator("#classify-model input")).to_have_value(re.compile("flowers"))
        expect(page.locator("#classify-status")).to_have_text(text("classify.empty"))
        expect(rows_of(page)).to_have_count(0)


def changed(page: Any, one: str, other: str) -> bool:
    """Whether two pictures differ by far more than a second JPEG of the same would."""
    first, second = (Image.open(io.BytesIO(page.request.get(src).body())).convert("RGB") for src in (one, other))
    return float(np.abs(np.asarray(first, float) - np.asarray(second.resize(first.size), float)).mean()) > 3


def test_models_stand_side_by_side_and_differ(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url) as page:
        drop(page, *photos(tmp_path, 5))
        is_done(page, 5, 5)
        page.get_by_role("button", name=text("classify.compare")).click()
        page.locator("#classify-compared input").click()
        page.locator("#classify-compared [role=option][aria-label^='Built-in: flowers']").click()
        expect(page.locator("#classify-table th").get_by_text("flowers")).to_be_visible(timeout=PATIENT)
        expect(page.locator("#classify-status")).to_contain_text(text("classify.with_difference", photos=5))
        expect(page.locator("#classify-table tr.differ")).to_have_count(5)  # they have no class in common here
        page.locator("#classify-list [name=show]").select_option("differ")
        expect(rows_of(page)).to_have_count(5)


def test_a_model_is_typed_and_one_that_is_not_there_is_told_once(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url) as page:
        drop(page, *photos(tmp_path, 1))
        expect(page.locator("#classify-prediction li")).to_have_count(5, timeout=PATIENT)
        box = page.locator("#classify-model input")
        box.click()
        page.keyboard.type("resnet17")
        expect(box).to_have_value("resnet17")
        page.keyboard.press("Tab")
        expect(page.get_by_role("option")).to_have_count(0)
        expect(box).not_to_be_focused()
        told = page.get_by_text("resnet17")
        expect(told).to_be_visible(timeout=PATIENT)  # strict: at one place
        expect(page.locator("#classify-prediction li")).to_have_count(0)
        expect(page.locator("#classify-photo img")).to_have_count(0)
        choose(page, "resnet18")
        expect(page.locator("#classify-prediction li")).to_have_count(5, timeout=PATIENT)
        expect(page.get_by_role("button", name=text("classify.look_inside"))).to_be_enabled()


def test_a_machine_without_a_camera_is_told(chromium: Any, url: str) -> None:
    with visit(chromium, url) as page:
        page.get_by_text(text("classify.webcam"), exact=True).click()
        page.locator("#classify-webcam [title='grant webcam access'] button").click()
        expect(page.locator("#classify-webcam-problem")).to_have_text(text("camera.none"))


def test_a_new_view_answers_the_same_photos_again(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url) as page:
        drop(page, *photos(tmp_path, 3, (480, 160)))
        is_done(page, 3, 3)
        picture = page.locator("#classify-photo img")
        cropped = picture.get_attribute("src")
        dimmed = left_edge(page, cropped)  # it goes with the results that it belongs to
        page.get_by_text(text("classify.view.whole"), exact=True).click()
        expect(picture).not_to_have_attribute("src", cropped, timeout=PATIENT)
        is_done(page, 3, 3)
        assert dimmed < 0.7 * left_edge(page, picture.get_attribute("src"))


def left_edge(page: Any, src: str) -> float:
    """Mean brightness of the picture's columns 2 to 5: outside the centre crop, and of it no border."""
    with Image.open(io.BytesIO(page.request.get(src).body())) as picture:
        edge = picture.convert("L").crop((2, 0, 6, picture.height))
    return float(np.asarray(edge).mean())


def test_a_newer_drop_takes_the_place_of_an_older_one(chromium: Any, url: str, tmp_path: Path) -> None:
    # A picture of the older drop may be on its way, or still be asked for, while it is deleted.
    harmless = r"ERR_CONTENT_LENGTH_MISMATCH|403 \(Forbidden\).*/uploads/"
    with visit_tab(chromium, url, QUICK, harmless=harmless) as page:
        drop(page, *photos(tmp_path / "old", 300))
        expect(page.locator("#classify-status")).to_contain_text("300", timeout=PATIENT)
        drop(page, *photos(tmp_path / "new", 2))
        is_done(page, 2, 2)
        page.wait_for_timeout(3_000)  # an answer of the older drop would come in this time
        is_done(page, 2, 2)


def test_the_table_follows_the_language(chromium: Any, url: str, tmp_path: Path) -> None:
    with visit_tab(chromium, url) as page:
        drop(page, *photos(tmp_path, 3))
        is_done(page, 3, 3)
        page.get_by_text("简体中文").click()
        expect(page.locator("#classify-table")).to_contain_text(text("classify.header.top1", "zh-CN"))
        expect(page.locator("#classify-table")).to_contain_text("0002.jpg")


def test_an_example_is_answered_at_a_click(chromium: Any, url: str) -> None:
    with visit_tab(chromium, url) as page:
        expect(page.locator("#classify-status")).to_have_text(text("classify.empty"))
        page.locator("#classify-examples button").nth(1).click()
        expect(page.locator("#classify-photo")).to_contain_text("lion.jpg", timeout=PATIENT)
        expect(page.locator("#classify-prediction li")).to_have_count(5)


def test_one_bad_photo_was_not_answered(chromium: Any, url: str, tmp_path: Path) -> None:
    [file] = photos(tmp_path, 1)
    file.write_text("no picture")
    with visit_tab(chromium, url) as page:
        drop(page, file)
        expect(page.locator("#classify-status")).to_have_text(text("classify.none_named"), timeout=PATIENT)
        expect(page.locator("#classify-table")).to_contain_text(file.name)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_thumbnails_are_small_and_have_their_captions(
    chromium: Any, url: str, size: dict[str, int], tmp_path: Path
) -> None:
    for count in (3, 20):
        with visit_tab(chromium, url, QUICK, viewport=size) as page:
            drop(page, *photos(tmp_path / str(count), count))
            is_done(page, count, count)
            cells = page.locator("#classify-gallery button:has(img)")
            expect(cells).to_have_count(count)
            for cell in (cells.first, cells.last):
                box = cell.bounding_box()
                assert 80 <= box["width"] <= 130
                assert 80 <= box["height"] <= 130
            expect(cells.first).to_contain_text("%")


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_results_fit_the_window(chromium: Any, url: str, size: dict[str, int], tmp_path: Path) -> None:
    with visit_tab(chromium, url, viewport=size) as page:
        drop(page, *photos(tmp_path, 20, (800, 300)))
        is_done(page, 20, 20)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def test_a_model_is_in_the_list_the_moment_it_is_kept(chromium: Any, weights: Path, tmp_path: Path) -> None:
    """In a page that was open before; a better one takes its place, and answers."""
    home = tmp_path / "home"
    with launch(weights, home) as address, visit_tab(chromium, address) as page:
        expect(page.locator("div.prose.note")).to_contain_text("ImageNet")
        run = run_with_model(Settings(home=home))
        choose(page, "validation accuracy 91.2 % on 375 photos")
        expect(page.locator("div.prose.note")).to_contain_text("郁金香 <b>")
        drop(page, *photos(tmp_path / "photos", 1))
        expect(page.locator("#classify-status")).to_contain_text(run.name, timeout=PATIENT)
        expect(page.locator("#classify-prediction li")).to_have_count(5)
        first = page.locator("#classify-prediction").inner_text()
        keep(run, seed=1, val_accuracy=0.94, val_photos=375.0)
        page.get_by_text("简体中文").click()
        choose(page, "验证准确率 94.0 %（375 张照片）")
        page.get_by_text(text("classify.view.whole", "zh-CN"), exact=True).click()
        expect(page.locator("#classify-prediction")).not_to_have_text(first, timeout=PATIENT)
        expect(page.locator("div.prose.note")).to_contain_text("5 个类别")


def test_weights_that_are_not_here_are_one_sentence(chromium: Any, weights: Path, tmp_path: Path) -> None:
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(tmp_path / "home")]
    nowhere = f"http://127.0.0.1:{free_port()}"
    with (
        launched(command, RESNET_DEMO_MIRROR=nowhere, HF_ENDPOINT=nowhere) as address,
        visit_tab(chromium, address, "resnet50") as page,
    ):
        drop(page, *photos(tmp_path, 1))
        expect(page.get_by_text("resnet50-0676ba61.pth")).to_be_visible(timeout=PATIENT)


def test_the_webcam_takes_a_picture(driver: Any, url: str) -> None:
    film = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    browser = driver.chromium.launch(executable_path=chromium_path(), args=film)
    with visit_tab(browser, url, permissions=["camera"]) as page:
        page.get_by_text(text("classify.webcam"), exact=True).click()
        page.locator("#classify-webcam [title='grant webcam access'] button").click()
        page.wait_for_function("document.querySelector('#classify-webcam video').videoWidth > 0")
        page.wait_for_timeout(500)
        page.locator("#classify-webcam [aria-label='capture photo']").click()
        expect(page.locator("#classify-prediction li")).to_have_count(5, timeout=PATIENT)
    browser.close()


@pytest.mark.shared
def test_a_real_photo_is_named_rightly(chromium: Any, shared: Path, tmp_path: Path) -> None:
    koala = shared / "data" / "imagenet_samples" / "n01882714_koala.JPEG"
    with launch(shared / "weights", tmp_path) as address, visit_tab(chromium, address, "resnet50") as page:
        drop(page, koala)
        expect(page.locator("#classify-prediction h2")).to_have_text("koala", timeout=PATIENT)
