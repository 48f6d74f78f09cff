"""Which engine runs a job fastest on this machine: measured on the job's own photos, never assumed."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from resnet_demo.engines import FLOAT32, KINDS, Engine, Kind
from resnet_demo.models.model import Model
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError

log = logging.getLogger(__name__)

BATCH = 16
"""Photos in a full batch: past 16 a CPU gains nothing more, and results appear later."""

PROMISED_DIFFERENCE = 0.02
"""How far a probability may lie from float32's."""

ALLOWED_DIFFERENCE = 0.018
"""The same on the few photos that an engine is tried on."""

TRY_WHEN_TIMES = 10
"""An engine is tried out once a job would take this many times as long as getting the engine ready."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one engine here: its speed as a multiple of float32's, and whether it answers alike."""

    speed: float
    start_seconds: float
    agrees: bool


class EngineChoice:
    """Runs batches of one model on the engine that is fastest here.

    A short job runs in float32 at once. In a longer one, other engines are tried on a batch of the job's own
    photos, and what was measured is kept in `notes` (a JSON file) for the next time.
    """

    def __init__(self, model: Model, device: torch.device, notes: Path | None = None, engine: str = "auto") -> None:
        if engine != "auto" and not KINDS[engine].possible(device):
            raise AppError("engines.problem.not_here", engine=engine)
        self.model = model
        self.device = device
        self.notes = notes
        self.wish = engine
        self.photos_run: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._ready: dict[str, Engine] = {}
        self._figures = self._read_notes()
        self._seconds_per_photo = 0.0

    def run(self, pictures: Tensor, photos_left: int) -> Tensor:
        """Logits (N, classes), float32 on the CPU, of normalised `pictures` (N, 3, H, W).

        `photos_left` counts these and all that follow in the same job.
        """
        with self._lock:  # several visitors may share one model
            return self._run(pictures.to(self.device), photos_left)

    def folded(self) -> ResNet:
        """The network that the float32 engine runs: norms folded, channels-last, on the device; not to be changed."""
        with self._lock:
            self._get_ready(FLOAT32)
            network = self._ready[FLOAT32.name]
        assert isinstance(network, ResNet)
        return network

    def _run(self, pictures: Tensor, photos_left: int) -> Tensor:
        # Engines are measured, and some are built, for the size that the network was trained for.
        usual_size = pictures.shape[-1] == self.model.spec.crop_size
        kind = KINDS[self.wish] if self.wish != "auto" else self._fastest(photos_left, usual_size)
        self.photos_run[kind.name] += len(pictures)
        if self.wish != "auto":
            return self._answer(kind, pictures) if kind.name in self._ready else self._first_answer(kind, pictures)
        self._get_ready(kind)
        started = time.perf_counter()
        logits = self._answer(kind, pictures)
        if kind is FLOAT32 and len(pictures) == BATCH and usual_size:
            self._seconds_per_photo = (time.perf_counter() - started) / BATCH
            for other in self._worth_trying(photos_left - BATCH):
                self._try(other, pictures, logits)
        return logits

    def _get_ready(self, kind: Kind) -> None:
        if kind.name not in self._ready:
            with torch.inference_mode(False):  # or no gradient could ever pass through what `folded` gives
                self._ready[kind.name] = kind.make(self.model.network, self.model.spec, self.device)

    def _answer(self, kind: Kind, pictures: Tensor) -> Tensor:
        asked = len(pictures)
        missing = BATCH - asked
        if kind.name == "compiled" and missing > 0:  # compiled for one shape
            pictures = torch.cat([pictures, pictures[-1:].expand(missing, -1, -1, -1)])
        logits = self._ready[kind.name](pictures)[:asked]
        return logits.float().cpu()

    def _first_answer(self, kind: Kind, pictures: Tensor) -> Tensor:
        """By an engine that was asked for, which was not measured and may not suit this machine."""
        if kind is FLOAT32:
            self._get_ready(kind)
            return self._answer(kind, pictures)
        with torch.inference_mode(False):
            exact = FLOAT32.make(self.model.network, self.model.spec, self.device)
        expected = exact(pictures).float().cpu()
        try:
            self._get_ready(kind)
            logits = self._answer(kind, pictures)
        except Exception as error:
            self._ready.pop(kind.name, None)
            raise AppError("engines.problem.fails", engine=kind.name, reason=str(error) or repr(error)) from error
        difference = (logits.softmax(1) - expected.softmax(1)).abs().max().item()
        if not difference <= PROMISED_DIFFERENCE:
            self._ready.pop(kind.name, None)
            raise AppError("engines.problem.differs", engine=kind.name, difference=f"{difference:.2g}")
        return logits

    def _fastest(self, photos_left: int, usual_size: bool) -> Kind:
        best, best_seconds = FLOAT32, photos_left * self._seconds_per_photo
        if photos_left < BATCH or not usual_size:
            return best
        for name, figures in self._figures.items():
            kind = KINDS[name]
            if not figures.agrees or figures.speed < kind.worth or not kind.possible(self.device):
                continue
            start = 0.0 if name in self._ready else figures.start_seconds
            seconds = start + photos_left * self._seconds_per_photo / figures.speed
            if seconds < best_seconds:
                best, best_seconds = kind, seconds
        return best

    def _worth_trying(self, photos_left: int) -> list[Kind]:
        seconds = photos_left * self._seconds_per_photo
        return [
            kind
            for kind in KINDS.values()
            if kind is not FLOAT32
            and kind.name not in self._figures
            and kind.possible(self.device)
            and seconds > TRY_WHEN_TIMES * kind.start_seconds
        ]

    def _try(self, kind: Kind, pictures: Tensor, expected: Tensor) -> None:
        """Measure `kind` on these pictures, whose float32 answers and time are known, and note what came out."""
        started = time.perf_counter()
        try:
            self._get_ready(kind)
            logits = self._answer(kind, pictures)
        except Exception:  # an optional engine's own failures are as many as its versions: go on without it
            log.warning("The engine %s does not run here", kind.name, exc_info=True)
            self._ready.pop(kind.name, None)
            self._figures[kind.name] = Figures(0.0, 0.0, False)  # not on disk: what failed may pass
            return
        start_seconds = time.perf_counter() - started
        times = []
        for _ in range(2):
            started = time.perf_counter()
            self._answer(kind, pictures)
            times.append(time.perf_counter() - started)
        difference = (logits.softmax(1) - expected.softmax(1)).abs().max().item()
        same_answer = bool((logits.argmax(1) == expected.argmax(1)).all())
        speed = self._seconds_per_photo * BATCH / min(times)
        agrees = same_answer and difference <= ALLOWED_DIFFERENCE
        log.info("%s: %.2f times float32's speed, probabilities within %.4f", kind.name, speed, difference)
        self._figures[kind.name] = Figures(speed, start_seconds, agrees)
        if not agrees or speed < kind.worth:
            self._ready.pop(kind.name, None)
        self._write_notes()

    def _write_notes(self) -> None:
        if self.notes is None:
            return
        try:
            self.notes.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.notes.with_name(f"{self.notes.name}.lock")):
                everything = _read_json(self.notes)
                everything[self._here()] = {name: asdict(known) for name, known in self._figures.items()}
                partial = self.notes.with_name(f"{self.notes.name}.part")
                partial.write_text(json.dumps(everything, indent=1), encoding="utf-8")
                partial.replace(self.notes)
        except OSError as error:  # the next process measures again
            log.warning("What was measured of the engines cannot be kept: %s", error)

    def _read_notes(self) -> dict[str, Figures]:
        known = _read_json(self.notes).get(self._here(), {}) if self.notes else {}
        try:
            return {
                name: Figures(float(found["speed"]), float(found["start_seconds"]), bool(found["agrees"]))
                for name, found in known.items()
                if name in KINDS
            }
        except (KeyError, TypeError, ValueError, AttributeError):  # written by another version: measure again
            return {}

    def _here(self) -> str:
        """What the figures depend on: the weights, the picture's size, the processor and the libraries."""
        cuda = self.device.type == "cuda"
        processor = torch.cuda.get_device_name(self.device) if cuda else f"{platform.machine()} {_processor()}"
        weights = hashlib.sha256(self.model.network.fc.weight.detach().numpy().tobytes()).hexdigest()[:8]
        versions = ", ".join(f"{name} {_version(name)}" for name in ("torch", "openvino"))
        return (
            f"{self.model.variant} {weights}, {self.model.spec.crop_size} pixels, {self.device.type} {processor}, "
            f"{torch.get_num_threads()} threads, {versions}"
        )


def _processor() -> str:
    return str(torch.cpu.get_capabilities().get("cpu_name", "")) if hasattr(torch.cpu, "get_capabilities") else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _read_json(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # figures can always be measured again
        return {}
    return found if isinstance(found, dict) else {}
