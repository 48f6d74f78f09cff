"""The Look inside tab as a visitor uses it: parts selected in the network's diagram, blocks removed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models import saved
from resnet_demo.settings import Settings
from resnet_demo.texts import text
from tests.browser.conftest import DESKTOP, PHONE, playwright, visit
from tests.launched import free_port, launched
from tests.shelf import run_with_model
from tests.tiny import LABELS, photos, tiny_model

pytestmark = pytest.mark.browser
expect = playwright.expect
PATIENT = 120_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app whose home has three models of five classes: one of nine blocks, a large one, and one that is damaged."""
    home = tmp_path_factory.mktemp("home")
    run_with_model(Settings(home=home))
    large = replace(tiny_model("cifar_resnet56", seed=1), spec=ImageSpec(crop_size=128, resize_size=144))
    with run_with_model(Settings(home=home), "/photos/Large").artefacts.new_best() as folder:
        saved.write(large, folder, card="For tests.")
    damaged = run_with_model(Settings(home=home), "/photos/Damaged")
    [weights] = damaged.folder.rglob("model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1_000])
    command = ["app.py", "--no-browser", "--port", str(free_port()), "--home", str(home)]
    with launched(command, OMP_NUM_THREADS="1") as address:
        yield address


@contextmanager
def looking(
    chromium: Any, url: str, folder: Path, language: str = "en", count: int = 1, **options: Any
) -> Iterator[Any]:
    """A visit with photos in a network, the first of them looked into."""
    with visit(chromium, url, **options) as page:
        page.set_default_timeout(PATIENT)
        page.get_by_role("tab", name=text("page.tabs.look_inside", language), exact=True).click()
        choose(page, "#look-model", "My flowers")
        files = [str(photo) for photo in photos(folder, count)]
        page.set_input_files("#look-drop input[type=file]:not([webkitdirectory])", files)
        expect(page.locator("#look-bars h2")).to_be_visible(timeout=PATIENT)
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        yield page


def open_section(page: Any, name: str, language: str = "en") -> None:
    page.get_by_role("tab", name=text(f"look.section.{name}", language), exact=True).click()


def choose(page: Any, where: str, name: str) -> None:
    page.locator(f"{where} input").click()
    page.locator("[role=option]:visible", has_text=name).first.click()


def test_a_block_is_selected_seen_and_removed(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        open_section(page, "maps")
        page.locator("#look-network [data-name='stage2.1']").click()
        expect(page.locator("#look-maps-about")).to_contain_text("stage2.1", timeout=PATIENT)
        tiles = page.locator("#look-tiles button")
        expect(tiles).to_have_count(32, timeout=PATIENT)
        channel = tiles.nth(7).get_attribute("data-name")
        tiles.nth(7).click()
        expect(page.locator("#look-channel")).to_contain_text(
            text("look.maps.channel", channel=channel), timeout=PATIENT
        )
        open_section(page, "residual")
        expect(page.locator("#look-compared h2")).to_have_count(1, timeout=PATIENT)
        before = page.locator("#look-compared ol").inner_text()
        page.locator("#look-toggle").click()
        expect(page.locator("#look-compared h2")).to_have_count(2, timeout=PATIENT)
        expect(page.locator("#look-compared ol").first).to_have_text(before, use_inner_text=True)
        expect(page.locator("#look-compared ol").nth(1)).not_to_have_text(before, use_inner_text=True)
        expect(page.locator("#look-network")).to_contain_text(text("plots.network.removed"))
        page.locator("#look-parts [data-rows]").first.click(position={"x": 5, "y": 5})
        expect(page.locator("#look-numbers dd")).to_have_count(4, timeout=PATIENT)
        page.locator("#look-restore-all").click()
        expect(page.locator("#look-compared h2")).to_have_count(1, timeout=PATIENT)


def test_where_it_looked(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        about = page.locator("#look-saliency-about h3")
        choose(page, "#look-other", LABELS[1])
        expect(about).to_contain_text(f'and not "{LABELS[1]}"', timeout=PATIENT)
        choose(page, "#look-class", LABELS[0])
        expect(about).to_contain_text(f'Why "{LABELS[0]}" and not "{LABELS[1]}"', timeout=PATIENT)
        page.locator("#look-five").click()
        expect(page.locator("#look-beside figure")).to_have_count(5, timeout=PATIENT)
        page.locator("#look-true").click()
        expect(page.locator("#look-faithfulness svg")).to_have_count(2, timeout=PATIENT)
        page.locator("#look-files").click()
        expect(page.locator("#look-download")).to_contain_text(".npy", timeout=PATIENT)
        open_section(page, "flow")
        expect(page.locator("#look-flow svg")).to_be_visible(timeout=PATIENT)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_from_a_classified_photo_to_its_saliency_map(chromium: Any, url: str, size: dict[str, int]) -> None:
    with visit(chromium, url, viewport=size) as page:
        page.set_default_timeout(PATIENT)
        page.locator("#classify-model input").click()
        page.locator("[role=option][aria-label^='My flowers']").first.click()
        page.locator("#classify-examples button").nth(1).click()
        best = page.locator("#classify-prediction h2").inner_text(timeout=PATIENT)
        page.locator("#classify-look-inside").click()
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        expect(page.locator("#look-saliency-about h3")).to_contain_text(best, timeout=PATIENT)
        expect(page.locator("#look-model input")).to_have_value(re.compile("^My flowers"))
        expect(page.locator("#look-map")).to_be_in_viewport(timeout=PATIENT)


def test_several_photos_at_once(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path, count=3) as page:
        strip = page.locator("#look-strip button")
        expect(strip).to_have_count(3)
        strip.nth(2).click()
        expect(page.locator("#look-photo")).to_contain_text("0002.jpg", timeout=PATIENT)
        expect(page.locator("#look-strip [aria-pressed='true']")).to_have_attribute("title", "0002.jpg")
        page.locator("#look-each").click()
        expect(page.locator("#look-beside figure img")).to_have_count(3, timeout=PATIENT)


def test_accuracy_by_block_removed(chromium: Any, tmp_path: Path) -> None:
    run_with_model(Settings(home=tmp_path / "home"))
    for name in LABELS[:3]:
        photos(tmp_path / "photos" / name, 3)
    command = ["-m", "tests.browser.train_app", str(tmp_path / "photos"), "--home", str(tmp_path / "home")]
    with (
        launched([*command, "--no-browser", "--port", str(free_port())], OMP_NUM_THREADS="1") as address,
        looking(chromium, address, tmp_path / "one") as page,
    ):
        open_section(page, "residual")
        page.locator("#look-measure").click()
        done = page.locator("#look-ablation-sweep-said").filter(has_text="9 photos; accuracy of the full network")
        expect(done).to_be_visible(timeout=PATIENT)
        expect(page.locator("#look-ablation-sweep [data-name]")).to_have_count(7)
        expect(page.locator("#look-work li")).to_have_count(0, timeout=PATIENT)
        page.locator("#look-ablation-sweep [data-name='stage2.1']").click()
        expect(page.locator("#look-block h3")).to_have_text("stage2.1", timeout=PATIENT)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_it_fits_the_window(chromium: Any, url: str, size: dict[str, int], tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path, "zh-CN", viewport=size, locale="zh-CN") as page:
        for name, shown in (
            ("maps", "#look-over img"),
            ("residual", "#look-parts img >> nth=3"),
            ("flow", "#look-flow svg"),
            ("saliency", "#look-saliency-about h3"),
        ):
            open_section(page, name, "zh-CN")
            expect(page.locator(shown)).to_be_visible(timeout=PATIENT)
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
            page.wait_for_function(f"({GAPS})().length === 0")


GAPS = """() => {
    const drawn = (one) => one.textContent.trim() || /img|path|rect|input|button/i.test(one.tagName);
    const shown = [...document.querySelectorAll("#look-inside *")].filter(
        (one) => !one.children.length && one.getClientRects().length && drawn(one));
    const columns = document.body.clientWidth > 900 ? ["#look-side", "#look-main"] : ["#look-inside"];
    return columns.flatMap((column) => {
        const boxes = shown.filter((one) => one.closest(column)).map((one) => one.getBoundingClientRect())
            .filter((box) => box.width > 1 && box.height > 1).sort((a, b) => a.top - b.top);
        let bottom = boxes[0].bottom;
        const found = [];
        for (const box of boxes) {
            if (box.top - bottom >= 150) found.push([column, bottom, box.top]);
            bottom = Math.max(bottom, box.bottom);
        }
        return found;
    });
}"""
"""Empty stretches of a column, between what can be seen above and below."""


def gaps(page: Any) -> Any:
    return page.evaluate(GAPS)


def boxes(page: Any, *selectors: str) -> list[dict[str, float]]:
    """Where things are in the window."""
    return [page.locator(selector).bounding_box() for selector in selectors]


def test_photo_map_and_answer_are_seen_at_once_and_the_diagram_stays(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        page.evaluate("window.scrollTo(0, 0)")
        photo, saliency, answer, diagram = boxes(
            page, "#look-photo img", "#look-map img", "#look-bars", "#look-network"
        )
        assert abs(photo["y"] - saliency["y"]) < 2
        assert photo["x"] + photo["width"] <= saliency["x"]
        assert saliency["x"] + saliency["width"] <= answer["x"]
        for box in (photo, saliency, answer):
            assert box["y"] + box["height"] <= DESKTOP["height"]
        assert diagram["x"] + diagram["width"] <= photo["x"]
        open_section(page, "residual")
        expect(page.locator("#look-compared h2")).to_be_visible(timeout=PATIENT)
        page.locator("#look-measure").scroll_into_view_if_needed()
        assert page.evaluate("window.scrollY") > 300
        expect(page.locator("#look-network svg")).to_be_in_viewport(ratio=1)


def test_on_a_phone_the_photo_stands_above_its_map(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path, viewport=PHONE) as page:
        order = ("#look-photo", "#look-map", "#look-answer", "#look-network", "#look-sections")
        tops = [box["y"] for box in boxes(page, *order)]
        assert tops == sorted(tops)
        assert gaps(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_feature_maps_open_on_a_layer_that_can_be_made_out(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        expect(page.locator("#look-network [data-name='stage3'][aria-pressed='true']")).to_be_visible()
        open_section(page, "maps")
        expect(page.locator("#look-maps-about")).to_contain_text("stage2: 32 channels of 16 × 16", timeout=PATIENT)
        expect(page.locator("#look-network [data-name='stage2'][aria-pressed='true']")).to_be_visible(timeout=PATIENT)


# On the page, however far it is scrolled.
PLACES = """() => ["#look-photo", "#look-map", "#look-sections", "#look-side"].map((selector) => {
    const { x, y } = document.querySelector(selector).getBoundingClientRect();
    return { x, y: y + window.scrollY };
})"""


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_before_there_is_a_photo_each_section_says_what_comes(chromium: Any, url: str, language: str) -> None:
    with visit(chromium, url, locale=language) as page:
        page.set_default_timeout(PATIENT)
        page.get_by_role("tab", name=text("page.tabs.look_inside", language), exact=True).click()
        for name in ("maps", "residual", "flow", "saliency"):
            open_section(page, name, language)
            expect(page.get_by_text(text(f"look.empty.{name}", language))).to_be_visible()
            expect(page.locator(f"#look-example-{name}")).to_be_visible()
        expect(page.locator("#look-method")).to_be_hidden()
        places = page.evaluate(PLACES)
        page.locator("#look-example-saliency").click()
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        expect(page.get_by_text(text("look.empty.saliency", language))).to_be_hidden()
        for before, after in zip(places, page.evaluate(PLACES), strict=True):
            assert abs(before["x"] - after["x"]) < 2
            assert abs(before["y"] - after["y"]) < 12


@contextmanager
def held(page: Any) -> Iterator[Callable[[], None]]:
    """Inside, what the page asks the server to work on does not reach it until the function that is given is called."""
    waiting: list[Any] = []
    holds = True
    pattern = "**/queue/join*"
    page.route(pattern, lambda route: waiting.append(route) if holds else route.continue_())

    def let_go() -> None:
        nonlocal holds
        holds = False
        while waiting:
            waiting.pop(0).continue_()

    yield let_go
    let_go()
    page.unroute(pattern)


def row(page: Any, name: str) -> Any:
    return page.locator(f"#look-work li[data-name='{name}']")


def test_long_work_shows_at_once_how_far_it_is_and_is_stopped(chromium: Any, url: str, tmp_path: Path) -> None:
    check, sweep = "look.saliency.true", "look.ablation_sweep.title"
    with looking(chromium, url, tmp_path) as page:
        choose(page, "#look-model", "Large")
        expect(page.locator("#look-network svg")).to_have_attribute(
            "aria-label", re.compile("27 blocks"), timeout=PATIENT
        )
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        result = page.locator("#look-faithfulness")
        for name, button in (("five", "#look-five"), ("files", "#look-files"), ("true", "#look-true")):
            with held(page) as let_go:
                page.locator(button).click()
                expect(row(page, f"look.saliency.{name}")).to_be_visible()
                row(page, f"look.saliency.{name}").get_by_role("button").click()
                expect(page.locator("#look-work li")).to_have_count(0)
                let_go()
        page.locator("#look-true").click()
        bar = row(page, check).get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuenow", re.compile("[1-9]"), timeout=PATIENT)
        open_section(page, "residual")
        page.locator("#look-measure").click()
        expect(row(page, sweep)).to_contain_text(text("work.after", name=text(check)), timeout=PATIENT)
        row(page, check).get_by_role("button").press("Enter")
        expect(row(page, check)).to_have_count(0)
        expect(page.locator("#look-work [role=status]")).to_have_text(text("work.stopped", name=text(check)))
        expect(page.locator("#look-ablation-sweep-said")).to_contain_text(
            text("look.ablation_sweep.none"), timeout=PATIENT
        )
        expect(page.locator("#look-work li")).to_have_count(0, timeout=PATIENT)
        assert result.inner_text().strip() == ""
        assert page.locator("#look-beside figure, #look-download a").count() == 0


def test_another_model_leaves_nothing_of_the_one_before(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path) as page:
        open_section(page, "maps")
        expect(page.locator("#look-tiles button")).to_have_count(32, timeout=PATIENT)
        open_section(page, "saliency")
        shown = page.locator("#look-map img").get_attribute("src"), page.locator("#look-bars").inner_text()
        name = page.locator("#look-model input").input_value()
        choose(page, "#look-model", "Damaged")
        expect(page.locator("[data-testid=toast-body]")).to_have_count(1, timeout=PATIENT)
        expect(page.locator("#look-model input")).to_have_value(name, timeout=PATIENT)
        expect(page.locator("#look-work li")).to_have_count(0)
        assert (page.locator("#look-map img").get_attribute("src"), page.locator("#look-bars").inner_text()) == shown
        expect(page.locator("[data-testid=toast-body]")).to_have_count(1)
        with held(page) as let_go:
            choose(page, "#look-model", "Large")
            expect(row(page, "look.work.start")).to_be_visible()
            expect(page.locator("#look-prediction")).to_have_css("opacity", "0.45")  # of the model before
            let_go()
            expect(page.locator("#look-bars")).not_to_have_text(shown[1], use_inner_text=True, timeout=PATIENT)
        expect(page.locator("#look-tiles button")).to_have_count(0)  # in the section that is not seen
        expect(page.locator("#look-map img")).to_be_visible(timeout=PATIENT)
        assert page.locator("#look-map img").get_attribute("src") != shown[0]
        expect(page.locator("#look-prediction")).to_have_css("opacity", "1")


MOVES = """() => {
    window.moves = [];
    Element.prototype.scrollIntoView = function (options) { window.moves.push(options.behavior); };
}"""


def step(page: Any, where: str, key: str) -> str:
    """Go by keyboard from the one part on the way of the Tab key to another, and choose it; returns its name."""
    expect(page.locator(f"{where} [tabindex='0']")).to_have_count(1, timeout=PATIENT)
    page.locator(f"{where} [tabindex='0']").focus()
    before = page.evaluate("document.activeElement.dataset.name")
    page.keyboard.press(key)
    name, says, drawn = page.evaluate(
        """() => {
            const part = document.activeElement;
            const style = getComputedStyle(part);
            return [part.dataset.name, part.getAttribute("aria-label") || part.title, style.outlineStyle];
        }"""
    )
    assert name != before
    assert says
    assert drawn != "none"
    page.keyboard.press("Enter")
    return str(name)


def test_whatever_is_clicked_is_reached_by_keyboard_and_nothing_glides(chromium: Any, url: str, tmp_path: Path) -> None:
    with looking(chromium, url, tmp_path, count=2, viewport=PHONE, reduced_motion="reduce") as page:
        page.evaluate(MOVES)
        step(page, "#look-strip", "ArrowRight")
        expect(page.locator("#look-photo")).to_contain_text("0001.jpg", timeout=PATIENT)
        expect(page.locator("#look-map button[aria-label*='stage3']")).to_be_visible(timeout=PATIENT)
        part = step(page, "#look-network", "ArrowUp")
        assert part == "stage2"
        expect(page.locator("#look-saliency-about h3")).to_contain_text(part, timeout=PATIENT)
        expect(page.locator("#look-network [aria-pressed='true']")).to_have_attribute("data-name", part)
        open_section(page, "maps")
        channel = step(page, "#look-tiles", "ArrowRight")
        expect(page.locator("#look-channel")).to_contain_text(
            text("look.maps.channel", channel=channel), timeout=PATIENT
        )
        open_section(page, "residual")
        block = step(page, "#look-ratios", "ArrowLeft")
        expect(page.locator("#look-block h3")).to_have_text(block, timeout=PATIENT)
        open_section(page, "flow")
        block = step(page, "#look-flow", "ArrowLeft")
        expect(page.locator("#look-network [aria-pressed='true']")).to_have_attribute(
            "data-name", block, timeout=PATIENT
        )
        page.wait_for_function("window.moves.length > 0")
        assert set(page.evaluate("window.moves")) == {"auto"}
