"""The train step on a launched page, with real workers: servers and workers are killed, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from gradio_client import Client, handle_file

from resnet_demo.jobs import processes, queue
from resnet_demo.models.saved import open_saved
from resnet_demo.settings import Settings, find_settings
from resnet_demo.texts import text
from resnet_demo.training.listed_runs import all_runs, find_run
from resnet_demo.training.run import Run
from resnet_demo.ui.tabs.finetune import setting_controls
from tests.jobs.small import SECONDS, wait_for, wait_for_event
from tests.launched import NO_KEEPALIVE, free_port, launched
from tests.tiny import photos as drawn
from tests.training.small_runs import draw_photos

pytestmark = pytest.mark.slow

SMALL = {"network": "cifar_resnet20", "batch_size": "8", "precision": "float32"}


def values(**changes: str) -> dict[str, Any]:
    """What the settings' components hold after these changes."""
    return {**{name: setting_controls.initial(name) for name in setting_controls.NAMES}, **SMALL, **changes}


@dataclass
class Visitor:
    """Somebody with a page of this server open."""

    http: httpx.Client
    server: psutil.Process
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    last_render: str | None = None

    def __post_init__(self) -> None:
        self.config = self.http.get("config").json()
        found = ((block["props"].get("elem_id"), block["id"]) for block in self.config["components"])
        self.ids = {name: number for name, number in found if name}

    def call(self, number: int, *data: object) -> list[Any]:
        """What an event gives, asked for as the page does it."""
        self._join(number, *data)
        with self.http.stream("GET", f"gradio_api/queue/data?session_hash={self.session}") as stream:
            for line in stream.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("msg") == "process_completed":
                    assert message["success"], message
                    return list(message["output"]["data"])
        raise AssertionError("the queue gave no answer")

    def click(self, name: str, *data: object) -> list[Any]:
        """Press the button of this id."""
        return self.call(self._click(name), *data)

    def join(self, name: str, *data: object) -> None:
        """Press the button of this id, and wait for nothing."""
        self._join(self._click(name), *data)

    def start(self, **settings: str) -> Run:
        """Press Start with these settings and the server's photos."""
        name = self.click("start", "en", None, None, None, *values(**settings).values())[0]
        return find_run(find_settings().home, name)

    def refresh(self, run: Run) -> dict[str, Any]:
        """What the page shows of a run, by the components' ids."""
        number = self._event(lambda event: self.ids["train-status"] in event["outputs"])
        last_render, *updates = self.call(number, "en", None, None, run.name, None, None, None)
        self.last_render = last_render["value"] if isinstance(last_render, dict) else last_render
        names = {number: name for name, number in self.ids.items()}
        outputs = self.config["dependencies"][number]["outputs"][1:]
        return {names[part]: update for part, update in zip(outputs, updates, strict=True) if part in names}

    def action(self, name: str, run: Run) -> None:
        """Press a button under the run that the page shows."""
        shown = self.refresh(run)
        assert shown[f"train-{name}"]["visible"], name
        self.click(name, "en", None, self.last_render)

    def _join(self, number: int, *data: object) -> None:
        body = {"data": list(data), "fn_index": number, "session_hash": self.session}
        assert self.http.post("gradio_api/queue/join", json=body).status_code == 200

    def _click(self, name: str) -> int:
        target = [self.ids[f"train-{name}"], "click"]
        return self._event(lambda event: target in map(list, event["targets"]))

    def _event(self, fits: Any) -> int:
        return int(next(event["id"] for event in self.config["dependencies"] if fits(event)))


@contextmanager
def server(photos: Path, *flags: str) -> Iterator[Visitor]:
    """A page launched for a visitor who has these photos in hand."""
    port = str(free_port())
    with (
        launched(["-m", "tests.browser.train_app", str(photos), "--no-browser", "--port", port, *flags]) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False, limits=NO_KEEPALIVE) as http,
    ):
        own = next(child for child in psutil.Process().children() if port in child.cmdline())
        yield Visitor(http, own)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Those of a home of the test's own."""
    settings = find_settings()
    yield settings
    stop_all(settings)


@pytest.fixture(scope="module")
def standing(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A visitor of a server that nobody kills."""
    with server(photos, "--home", str(tmp_path_factory.mktemp("home"))) as visitor:
        yield visitor


@pytest.fixture
def visitor(standing: Visitor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    home = standing.server.cmdline()[-1]
    monkeypatch.setenv("RESNET_DEMO_HOME", home)
    yield standing
    stop_all(find_settings())


def stop_all(settings: Settings) -> None:
    for run in all_runs(settings.home):
        if run.state() in {"queued", "starting", "running", "stopping"}:
            queue.stop(run, settings.home, "now")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("photos") / "colours", per_class=8)


def worker_of(run: Run) -> psutil.Process:
    worker = run.events.launched_process
    assert worker is not None
    return psutil.Process(worker.pid)


def family_of(run: Run) -> list[psutil.Process]:
    """Every process that belongs to a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(processes.COOKIE) == str(run.folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_since_queued(run: Run, kind: str) -> None:
    """Wait for an event of this kind after the run was queued last."""
    kinds = [event["kind"] for event in run.events.all()]
    queued = len(kinds) - kinds[::-1].index("queued")
    wait_for_event(run, kind, 1 + kinds[:queued].count(kind))


def test_a_killed_server_takes_no_run_with_it(photos: Path, settings: Settings) -> None:
    with server(photos) as visitor:
        run = visitor.start(epochs="10")
        wait_for_event(run, "epoch")
        visitor.server.kill()
        visitor.server.wait()
        before = len(run.events.all())
        assert wait_for(run, "finished", "failed", "lost") == "finished"
        assert len(run.events.all()) > before
    assert [event["kind"] for event in run.events.all()].count("launched") == 1
    with server(photos) as visitor:
        shown = visitor.refresh(run)
    assert text("run.state.finished") in shown["train-status"]["value"]
    assert text("train.progress.curve", title="Accuracy", first="", last="")[:14] in shown["train-plots"]["value"]
    assert run.name in shown["train-runs"]["value"]


def test_a_server_killed_in_the_midst_of_a_start_leaves_a_run_or_none(photos: Path, settings: Settings) -> None:
    draw = random.Random(10)
    runs = settings.home / "runs"
    with server(photos) as visitor:
        visitor.join("start", "en", None, None, None, *values(epochs="1").values())
        deadline = time.monotonic() + SECONDS
        while not runs.is_dir():  # the first thing that is made
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.1))
        visitor.server.kill()
        visitor.server.wait()
    with server(photos) as visitor:
        found = all_runs(settings.home)
        assert len(found) <= 1
        for run in found:
            deadline = time.monotonic() + SECONDS
            while run.state() != "finished":
                assert time.monotonic() < deadline, run.state()
                visitor.refresh(run)  # as an open page does: the queue advances
                time.sleep(0.5)
        run = visitor.start(epochs="1")
        assert wait_for(run, "finished", "failed") == "finished"


def test_a_worker_killed_at_random_instants_goes_on_from_the_page(visitor: Visitor) -> None:
    draw = random.Random(3)
    run = visitor.start(epochs="4")
    for kind in ("launched", "started", "epoch"):
        wait_since_queued(run, kind)
        time.sleep(draw.uniform(0, 0.5))
        if run.state() == "finished":
            break
        with contextlib.suppress(psutil.NoSuchProcess):
            worker_of(run).kill()
        if wait_for(run, "lost", "finished") == "finished":
            break
        shown = visitor.refresh(run)
        assert text("train.progress.lost") in shown["train-status"]["value"]
        visitor.action("resume", run)
    assert wait_for(run, "finished", "failed") == "finished", run.log.path.read_text(encoding="utf-8")
    shown = visitor.refresh(run)
    assert {event["epoch"] for event in run.events.all() if event["kind"] == "epoch"} == set(range(1, 5))
    assert shown["train-results"]["visible"]
    open_saved(run.artefacts.best)


def test_photos_are_classified_while_a_run_trains(visitor: Visitor, tmp_path: Path) -> None:
    """With the built-in model, and with the one that the run has kept so far; the run trains on."""
    run = visitor.start(epochs="900")
    wait_for_event(run, "epoch")
    client = Client(str(visitor.http.base_url), verbose=False)
    files = [handle_file(str(file)) for file in drawn(tmp_path, 3)]
    for model in ("flowers", run.name):
        epochs = sum(event["kind"] == "epoch" for event in run.events.all())
        rows = client.predict(files, model, 1, "crop", api_name="/classify")
        assert [len(row["guesses"]) for row in rows] == [1, 1, 1]
        wait_for_event(run, "epoch", epochs + 1)
    client.close()
    assert run.state() == "running"
    visitor.action("now", run)


def test_stop_now_leaves_no_process(visitor: Visitor) -> None:
    run = visitor.start(epochs="900")
    wait_for_event(run, "epoch")
    assert worker_of(run) in family_of(run)
    visitor.action("now", run)
    assert run.state() == "stopped"
    assert family_of(run) == []
    shown = visitor.refresh(run)
    assert shown["train-resume"]["visible"]
    assert not shown["train-now"]["visible"]


def test_stop_and_keep_leaves_a_model(visitor: Visitor) -> None:
    run = visitor.start(epochs="900")
    wait_for_event(run, "epoch")
    visitor.action("keep", run)
    assert wait_for(run, "stopped", "failed") == "stopped"
    assert text("run.event.stopped_keep") in visitor.refresh(run)["train-status"]["value"]
    assert open_saved(run.artefacts.best).variant == "cifar_resnet20"


def test_a_second_run_waits_and_an_open_page_moves_the_line_on(visitor: Visitor) -> None:
    first, second = visitor.start(epochs="900"), visitor.start(epochs="1")
    wait_for(first, "running")
    assert second.state() == "queued"
    assert text("train.progress.queued", before=1) in visitor.refresh(second)["train-status"]["value"]
    worker_of(first).kill()  # so that nobody but the page is left to start the next
    wait_for(first, "lost")
    deadline = time.monotonic() + SECONDS
    while second.state() == "queued":
        assert time.monotonic() < deadline
        visitor.refresh(second)
        time.sleep(0.2)
    assert wait_for(second, "finished", "failed") == "finished"


def test_a_finished_run_is_taught_for_longer(visitor: Visitor) -> None:
    run = visitor.start(epochs="1")
    assert wait_for(run, "finished", "failed") == "finished"
    visitor.refresh(run)
    visitor.click("longer", "en", None, visitor.last_render, 1)
    assert wait_for(run, "finished", "failed") == "finished"
    assert [event["epoch"] for event in run.events.all() if event["kind"] == "epoch"] == [1, 2]
