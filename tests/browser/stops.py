"""A walk through the page: a home with photos and a finished run, and one stop for each state that a visitor meets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from resnet_demo.models import saved
from resnet_demo.models.model import TrainingInfo
from resnet_demo.texts import text
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.presets import Start
from resnet_demo.training.run import Run
from tests.browser.conftest import playwright
from tests.data.drawn import flowers, jpeg, write
from tests.data.test_archive import zipped
from tests.tiny import LABELS, tiny_model

expect = playwright.expect
PATIENT = 120_000
FILES = "input[type=file]:not([webkitdirectory])"

# A camera that any browser has, with a picture that moves.
CAMERA = """navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const brush = canvas.getContext("2d");
    setInterval(() => {
        brush.fillStyle = `hsl(${(performance.now() / 20) % 360} 60% 50%)`;
        brush.fillRect(0, 0, 320, 240);
    }, 100);
    return canvas.captureStream(10);
};"""


def furnish(home: Path) -> Path:
    """Fill a data home with a finished run that has a model, curves and test predictions; returns its photos."""
    data = write(home / "Meadow", flowers(6, LABELS))
    run = Run.create(home, TrainConfig(str(data), variant="cifar_resnet20"), {})
    per_class, start = dict.fromkeys(LABELS, 4), Start(scratch=False)
    resolved = run.config.resolved(photos=20, per_class=per_class, device="cpu", start=start)
    run.events.append("started", epochs=4, resumed=None, steps_per_epoch=5, config=resolved.to_json())
    for step in range(1, 21):
        run.events.append("step", step=step, steps=20, epoch=-(-step // 5), epochs=4, loss=2 / step, lr=0.1)
        if step % 5 == 0:
            told = {"train_loss": 1.0, "val_loss": 2 / step, "val_photos": 50, "best": True}
            run.events.append("epoch", epoch=step // 5, epochs=4, val_accuracy=step / 25, **told)
    with run.artefacts.new_best() as folder:
        info = TrainingInfo(metrics={"val_accuracy": 0.8, "val_photos": 50.0})
        saved.write(replace(tiny_model(), training_info=info), folder, card="For tests.")
    labels = np.repeat(np.arange(5), 3)
    files = tuple(f"{LABELS[label]}/{number}.jpg" for label in range(5) for number in range(3))
    predicted = np.where(labels % 2 == 0, labels, (labels + 1) % 5)
    probabilities = (0.9 * np.eye(5)[predicted] + 0.02).astype(np.float32)
    run.artefacts.write_test_predictions(LabelledPredictions(files, labels, probabilities, LABELS))
    run.events.append("finished", test_photos=15.0, test_accuracy=0.6)
    return data


class Walk:
    """One visit, which goes from stop to stop; `page` is a page that has just been opened."""

    def __init__(self, page: Any, language: str, folder: Path) -> None:
        self.page, self.language, self.folder = page, language, folder
        page.set_default_timeout(PATIENT)

    def open(self, *keys: str) -> None:
        """Open one tab inside the other."""
        for key in keys:
            self.page.get_by_role("tab", name=text(key, self.language), exact=True).click()

    def wait(self, selector: str) -> None:
        """Until the first such element is to be seen."""
        expect(self.page.locator(selector).first).to_be_visible(timeout=PATIENT)

    def stops(self) -> Iterator[str]:
        """The name of each state, while the page is in it."""
        for part in (self._classify, self._finetune, self._look_inside, self._learn):
            yield from part()

    def _classify(self) -> Iterator[str]:
        self.wait("#classify-answered-example img")
        yield "Classify, nothing answered yet"
        self.choose("#classify-model", "Meadow")
        photos = {f"{number}.jpg": jpeg(number) for number in range(3)} | {"torn.jpg": b"no picture"}
        folder = write(self.folder / "dropped", photos)
        self.page.set_input_files(f"#classify-photos {FILES}", sorted(map(str, folder.iterdir())))
        self.wait("#classify-download")
        self.wait("#classify-gallery img")
        self.wait("#classify-prediction h2")
        for summary in self.page.locator("#content .tabitem button.label-wrap:visible").all():
            summary.click()
        yield "Classify, photos answered"

    def _finetune(self) -> Iterator[str]:
        self.open("page.tabs.finetune", "finetune.step.webcam")
        self.wait("#webcam .card .hold")
        yield "Fine-tune, webcam"
        self.open("finetune.step.photos")
        archive = self.folder / "meadow.zip"
        archive.write_bytes(zipped({**flowers(4), "tulips/torn.jpg": b"no picture", "daisy/twin.jpg": jpeg(0)}))
        self.wait("#photos-drop .zone")
        yield "Fine-tune, no photos yet"
        self.page.set_input_files("#photos-drop input[name=files]", archive)
        self.wait("#photos-report svg")
        self.wait("#photos-samples img")
        for summary in self.page.locator("#photos-report summary").all():
            summary.click()
        yield "Fine-tune, photos with their report"
        self.open("finetune.step.train")
        self.wait("#train-forecast dl")
        self.wait("#train-plots svg")
        for summary in self.page.locator("#content .tabitem button.label-wrap:visible").all():
            summary.click()
        yield "Fine-tune, train"
        self.open("finetune.step.results")
        self.wait("#results-matrix [data-row]")
        self.wait("#results-photos img")
        yield "Fine-tune, results"

    def _look_inside(self) -> Iterator[str]:
        self.open("page.tabs.look_inside", "look.source.photo")
        self.wait("#look-example")
        yield "Look inside, no photo yet"
        self.choose("#look-model", "Meadow")
        folder = write(self.folder / "inspected", {f"{number}.jpg": jpeg(number) for number in range(2)})
        self.page.set_input_files(f"#look-drop {FILES}", sorted(map(str, folder.iterdir())))
        self.wait("#look-bars h2")
        self.wait("#look-map img")
        self.wait("#look-strip button")
        for name, shown in self._sections():
            self.open(f"look.section.{name}")
            shown()
            yield f"Look inside, {name}"
        self.open("look.source.camera")
        self.page.locator("#camera .start").click()
        self.wait("#camera .label")
        yield "Look inside, live camera"
        self.page.locator("#camera .stop").click()

    def _learn(self) -> Iterator[str]:
        self.open("page.tabs.learn", "learn.landscape.tab")
        self.wait("#learn-landscape legend")
        yield "Learn, a question"
        self.page.locator("#learn-landscape .unguessed").click()
        self.wait("#learn-landscape .shipped svg")
        self.page.locator("#learn-landscape .here summary").click()
        yield "Learn, an answer and the form"
        self.open("learn.part.architectures")
        self.wait("#layers-table details")
        yield "Learn, architectures"
        self.open("learn.part.questions")
        for summary in self.page.locator("#learn-questions summary").all():
            summary.click()
        yield "Learn, questions"

    def _sections(self) -> Iterator[tuple[str, Callable[[], None]]]:
        def saliency() -> None:
            self.page.locator("#look-true").click()
            self.wait("#look-faithfulness dl")

        yield "saliency", saliency
        yield "maps", lambda: self.wait("#look-over img")
        yield "residual", lambda: self.wait("#look-compared h2")
        yield "flow", lambda: self.wait("#look-flow svg")

    def choose(self, where: str, name: str) -> None:
        """Choose a model whose words hold this name."""
        self.page.locator(f"{where} input").click()
        self.page.locator("[role=option]:visible", has_text=name).first.click()
