"""One experiment on the page: a question, the figure that comes with the app, and runs of the visitor's own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from resnet_demo.jobs import queue
from resnet_demo.labs.configs import LabConfig, Training
from resnet_demo.labs.experiments import EXPERIMENTS, epochs_done, epochs_of, run_experiment
from resnet_demo.labs.findings import finding_fields
from resnet_demo.labs.lab_run import RESULT, LabRun
from resnet_demo.labs.memory_estimate import check_memory
from resnet_demo.labs.shipped import shipped_results
from resnet_demo.plots.experiments.figures import figures
from resnet_demo.texts import AppError
from resnet_demo.training.run_folder import ACTIVE, ENDED
from resnet_demo.training.time_forecast import duration_text
from resnet_demo.ui.events import EACH_CLICK, Events
from resnet_demo.ui.server import time_limit
from resnet_demo.ui.services import AT_A_TIME, Services
from resnet_demo.ui.session import Session
from resnet_demo.ui.static_files import static
from resnet_demo.ui.tabs.learn.experiment_texts import CIFAR10, DRAWN, MINE, experiment_texts, shipped
from resnet_demo.ui.translations import Translations
from resnet_demo.ui.visitor_context import current_language, current_visitor, say

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
QUICK: dict[str, Any] = {"queue": False, **QUIET}
MEASURED: dict[str, Any] = {"concurrency_id": "measure", "concurrency_limit": 1, **QUIET}
"""What keeps the processor busy for seconds, in the server's own process."""
STARTED: dict[str, Any] = {"concurrency_id": "classify", "concurrency_limit": AT_A_TIME, **QUIET}
MOST_RUNS = 20
"""That are offered to be looked at."""


class ExperimentPanel:
    """The panel of an experiment, laid out inside the block that is open, and its events."""

    def __init__(self, name: str, translations: Translations, services: Services, session: Session) -> None:
        self.name, self.services = name, services
        self.screen = translations.create(
            gr.HTML,
            {"texts": lambda: experiment_texts(name, services.settings)},
            value=None,
            shipped=None,
            runs=None,
            run=None,
            estimate=None,
            html_template=static("experiment.html"),
            css_template=static("button.css", "experiment.css"),
            js_on_load=static("surface.js", "experiment.js"),
            apply_default_css=False,
            elem_id=f"learn-{name}",
        )
        handler = Events(translations, session).handler
        screen: Any = self.screen
        screen.open(**handler(self.open, [], [screen], **QUICK))
        screen.reveal(**handler(self.reveal, [], [screen], **QUICK))
        screen.estimate(**handler(self.estimate, [session.dataset], [screen], **MEASURED, **EACH_CLICK))
        started = MEASURED if self.is_quick else STARTED
        screen.run(**handler(self.run, [session.dataset], [screen], **started, **EACH_CLICK))
        screen.poll(**handler(self.poll, [], [screen], **QUICK, **EACH_CLICK))
        screen.act(**handler(self.act, [], [screen], **QUICK, **EACH_CLICK))

    @property
    def is_quick(self) -> bool:
        """Whether the experiment trains nothing, so that it can be waited for."""
        return not epochs_of(EXPERIMENTS[self.name].config())

    def open(self) -> Any:
        """The visitor's runs; the newest one is shown if it goes on."""
        runs = self._runs()
        going_on = [run for run in runs[:1] if self.services.runs.state(run) in {*ACTIVE, "queued"}]
        return gr.update(runs=self._list(runs), run=self._view(going_on[0]) if going_on else None)

    def reveal(self) -> Any:
        """The figure of the shipped result, with what it shows and how it was measured."""
        results = list(shipped_results(self.name).values())
        if not results:
            shown = {"shows": say("learn.none_shipped"), "figures": "", "how": ""}
        else:
            result, *rest = results
            fields = finding_fields(result)
            note = result.get("note", {}).get(current_language(), "")
            shown = {
                "shows": "" if fields is None else say(f"learn.{self.name}.shows", **fields),
                "figures": "".join([figures(result, current_language()), *map(_further, rest)]),
                "how": "".join(f"<p>{escape(words)}</p>" for words in (note, *_how(result)) if words),
            }
        return gr.update(shipped={**shown, "moment": str(time.monotonic())})

    def estimate(self, dataset: object, event: gr.EventData) -> Any:
        """How long a run with these settings takes here, or why there can be none."""
        # Not as a toast: nobody has asked for a run yet, and a setting that is being typed may be wrong for a moment.
        try:
            return gr.update(estimate=self._estimate(self._config(event._data, dataset)))
        except AppError as error:
            return gr.update(estimate=error.say(current_language()))

    def _estimate(self, config: LabConfig) -> str:
        if not isinstance(config, Training):
            result = shipped(self.name)
            return "" if result is None else say("learn.estimate.measured", seconds=f"{result['seconds']:.0f}")
        from resnet_demo.labs.time_estimate import training_seconds

        check_memory(config, self.services.settings)
        return say("learn.estimate", time=duration_text(training_seconds(config), current_language()))

    def run(self, dataset: object, event: gr.EventData) -> Iterator[Any]:
        """Run it with the settings that were sent: here and now where it is quick, otherwise when its turn comes.

        Raises:
            AppError: a setting is out of range, or the visitor has too many runs already.
        """
        config = self._config(event._data, dataset)
        if self.is_quick:
            yield from self._measure(config)
            return
        self.services.runs.admit()
        run = queue.submit_experiment(self.name, config, self.services.settings, owner=current_visitor().token)
        yield gr.update(runs=self._list(self._runs()), run=self._view(run))

    def poll(self, event: gr.EventData) -> Any:
        """How a run stands, with its figures where there are newer ones than the browser has.

        Raises:
            AppError: there is no such run, or it is another visitor's.
        """
        self.services.runs.advance()
        sent = event._data if isinstance(event._data, dict) else {}
        return gr.update(run=self._view(self._found(sent), sent.get("version")))

    def act(self, event: gr.EventData) -> Any:
        """Stop, resume or remove a run.

        Raises:
            AppError: as `poll`, or it cannot be done.
        """
        sent = event._data if isinstance(event._data, dict) else {}
        run, home = self._found(sent), self.services.settings.home
        match sent.get("act"):
            case "stop":
                queue.stop(run, home, "keep")
            case "resume":
                self.services.runs.admit()
                queue.resume(run, home)
            case "remove":
                queue.delete(run.name, home)
                return gr.update(runs=self._list(self._runs()), run=None)
        return gr.update(run=self._view(run), runs=self._list(self._runs()))

    def _found(self, sent: Mapping[str, Any]) -> LabRun:
        run = self.services.runs.find_experiment(sent.get("run"))
        if run.experiment != self.name:
            raise AppError("runs.problem.none")
        return run

    def _runs(self) -> list[LabRun]:
        return self.services.runs.experiments(self.name)[:MOST_RUNS]

    def _list(self, runs: list[LabRun]) -> list[tuple[str, str]]:
        """The name of each run, and what the list says of it."""
        return [(run.name, f"{run.name[:15]} · {self._state(run)}") for run in runs]

    def _state(self, run: LabRun) -> str:
        return say(f"run.state.{self.services.runs.state(run)}")

    def _view(self, run: LabRun, version: object = None) -> dict[str, Any]:
        """A run for the page; its figures are None where `version` has them already."""
        settings, state = self.services.settings, self.services.runs.state(run)
        stamp = _version(run)
        result = run.result()
        done, total = epochs_done(result), epochs_of(run.config)
        acts = {"stop": state in {*ACTIVE, "queued"}, "resume": state in ENDED - {"finished"}, "remove": state in ENDED}
        said = [self._state(run)]
        if state in ACTIVE:
            said.append(say("learn.epochs", done=done, total=total))
        newest = run.events.newest() if state == "failed" else None
        if newest is not None and isinstance(newest.get("key"), str):
            said.append(AppError(newest["key"], **newest.get("fields", {})).message.say(current_language()))
        return {
            "name": run.name,
            "version": stamp,
            "said": " · ".join(said),
            "active": state not in ENDED,
            "share": done / total if total and state in ACTIVE else None,
            "acts": [act for act, offered in acts.items() if offered],
            "figures": "" if result is None else None if version == stamp else figures(result, current_language()),
            # Folders of this machine are none of a stranger's business.
            "command": queue.repeat_command(run, settings) if settings.local_paths_allowed else "",
        }

    def _measure(self, config: LabConfig) -> Iterator[Any]:
        """Run it in this process; what is measured is shown as it comes."""

        def stopped() -> bool:
            time_limit.go_on()
            return False

        view: dict[str, Any] = {"name": "", "version": None, "acts": [], "share": None, "active": True}
        yield gr.update(run={**view, "said": say("learn.measuring"), "figures": None, "command": ""})
        result: Mapping[str, Any] = {}
        for result in run_experiment(self.name, config, self.services.settings, stopped):
            time_limit.go_on()
            shown = figures(result, current_language())
            yield gr.update(
                run={**view, "said": say("learn.measuring"), "figures": shown, "command": result["command"]}
            )
        said = " ".join(_how(result)[:1])
        yield gr.update(run={**view, "active": False, "said": said, "figures": None, "command": result["command"]})

    def _config(self, sent: object, dataset: object) -> LabConfig:
        """The settings that the browser sent, of which a visitor of a public page may name no folder.

        Raises:
            AppError: one is out of range, or there are no photos of the visitor's own.
        """
        entries = sent.get("settings") if isinstance(sent, dict) else None
        entries = dict(entries) if isinstance(entries, dict) else {}
        if "pictures" in entries:
            entries["pictures"] = self._pictures(entries["pictures"], dataset)
        return EXPERIMENTS[self.name].config.from_json(entries)

    def _pictures(self, sent: object, dataset: object) -> str:
        if sent == MINE:
            if not isinstance(dataset, str | Path):
                raise AppError("learn.no_photos")
            return str(dataset)
        if sent == DRAWN or (sent == CIFAR10 and self.services.settings.local_paths_allowed):
            return str(sent)
        raise AppError("learn.no_pictures")


def _version(run: LabRun) -> str | None:
    """Something else whenever there are newer figures."""
    try:
        found = (run.folder / RESULT).stat()
    except OSError:
        return None
    return f"{found.st_mtime_ns}-{found.st_size}"


def _further(result: Mapping[str, Any]) -> str:
    """The figures of a second shipped result, behind its command and how it was measured."""
    said, note = escape(say("learn.also", command=result["command"])), result.get("note", {}).get(current_language())
    about = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<h4>{said}</h4>{about}{figures(result, current_language())}"


def _how(result: Mapping[str, Any]) -> tuple[str, str]:
    """Where a result was measured and in what time, and the command that repeats it."""
    return (
        say("lab.measured", machine=result["machine"], seconds=result["seconds"]),
        say("lab.command", command=result["command"]),
    )
