"""Choice of the fastest engine on this machine, measured on the photos to be classified."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from resnet_demo.engines import ENGINE_KINDS, FLOAT32, Engine, EngineKind
from resnet_demo.measurements import Measurements, machine
from resnet_demo.models.model import Model
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError

log = logging.getLogger(__name__)

BATCH = 16
"""Photos in a full batch: larger ones are not faster on a CPU, and delay the first results."""

MAX_DIFFERENCE = 0.02
"""The largest allowed difference of a probability from float32."""

MAX_TRIAL_DIFFERENCE = 0.018
"""The same on the few photos of an engine's trial."""

TRIAL_FACTOR = 10
"""An engine is tried if the remaining job would take this many times as long as starting the engine."""


@dataclass(frozen=True)
class Measurement:
    """Measurement of one engine: its speed relative to float32, and whether its results agree."""

    speed: float
    start_seconds: float
    agrees: bool


class EngineChoice:
    """Runs batches of one model on the fastest engine.

    A short job runs in float32. In a longer one, other engines are tried on a batch of its photos, and the
    measurements are kept in `cache` (a JSON file) for the next time.
    """

    def __init__(self, model: Model, device: torch.device, cache: Path | None = None, engine: str = "auto") -> None:
        if engine != "auto" and not ENGINE_KINDS[engine].is_available(device):
            raise AppError("engines.problem.not_here", engine=engine)
        self.model = model
        self.device = device
        self.cache = Measurements(cache)
        self.requested = engine
        self.photos_run: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._ready: dict[str, Engine] = {}
        self._measurements = self._read_cache()
        self._seconds_per_photo = 0.0

    def run(self, pictures: Tensor, photos_left: int) -> Tensor:
        """Logits (N, classes), float32 on the CPU, of normalised `pictures` (N, 3, H, W).

        `photos_left` is the number of photos left in the job, including these.
        """
        with self._lock:  # several visitors may share one model
            return self._run(pictures.to(self.device), photos_left)

    def folded(self) -> ResNet:
        """The network of the float32 engine: norms folded, channels-last, on the device; must not be modified."""
        with self._lock:
            self._get_ready(FLOAT32)
            network = self._ready[FLOAT32.name]
        assert isinstance(network, ResNet)
        return network

    def _run(self, pictures: Tensor, photos_left: int) -> Tensor:
        # Engines are measured, and some are built, for the size that the network was trained for.
        usual_size = pictures.shape[-1] == self.model.spec.crop_size
        kind = ENGINE_KINDS[self.requested] if self.requested != "auto" else self._fastest(photos_left, usual_size)
        self.photos_run[kind.name] += len(pictures)
        if self.requested != "auto":
            return self._answer(kind, pictures) if kind.name in self._ready else self._first_answer(kind, pictures)
        self._get_ready(kind)
        started = time.perf_counter()
        logits = self._answer(kind, pictures)
        if kind is FLOAT32 and len(pictures) == BATCH and usual_size:
            self._seconds_per_photo = (time.perf_counter() - started) / BATCH
            for other in self._kinds_to_try(photos_left - BATCH):
                self._try(other, pictures, logits)
        return logits

    def _get_ready(self, kind: EngineKind) -> None:
        if kind.name not in self._ready:
            with torch.inference_mode(False):  # or no gradient could ever pass through what `folded` gives
                self._ready[kind.name] = kind.make(self.model.network, self.model.spec, self.device)

    def _answer(self, kind: EngineKind, pictures: Tensor) -> Tensor:
        asked = len(pictures)
        missing = BATCH - asked
        if kind.only_full_batches and missing > 0:
            pictures = torch.cat([pictures, pictures[-1:].expand(missing, -1, -1, -1)])
        logits = self._ready[kind.name](pictures)[:asked]
        return logits.float().cpu()

    def _first_answer(self, kind: EngineKind, pictures: Tensor) -> Tensor:
        """Run a requested engine for the first time, and check that it works here and agrees with float32."""
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
        if not difference <= MAX_DIFFERENCE:
            self._ready.pop(kind.name, None)
            raise AppError("engines.problem.differs", engine=kind.name, difference=f"{difference:.2g}")
        return logits

    def _fastest(self, photos_left: int, usual_size: bool) -> EngineKind:
        best, best_seconds = FLOAT32, photos_left * self._seconds_per_photo
        if photos_left < BATCH or not usual_size:
            return best
        for name, measurement in self._measurements.items():
            kind = ENGINE_KINDS[name]
            if not measurement.agrees or measurement.speed < kind.min_speedup or not kind.is_available(self.device):
                continue
            start = 0.0 if name in self._ready else measurement.start_seconds
            seconds = start + photos_left * self._seconds_per_photo / measurement.speed
            if seconds < best_seconds:
                best, best_seconds = kind, seconds
        return best

    def _kinds_to_try(self, photos_left: int) -> list[EngineKind]:
        seconds = photos_left * self._seconds_per_photo
        return [
            kind
            for kind in ENGINE_KINDS.values()
            if kind is not FLOAT32
            and kind.name not in self._measurements
            and kind.is_available(self.device)
            and seconds > TRIAL_FACTOR * kind.start_seconds
        ]

    def _try(self, kind: EngineKind, pictures: Tensor, expected: Tensor) -> None:
        """Measure `kind` on these pictures, whose float32 logits and time are known, and store the result."""
        started = time.perf_counter()
        try:
            self._get_ready(kind)
            logits = self._answer(kind, pictures)
        except Exception:  # an optional engine's own failures are as many as its versions: go on without it
            log.warning("The engine %s does not run here", kind.name, exc_info=True)
            self._ready.pop(kind.name, None)
            self._measurements[kind.name] = Measurement(0.0, 0.0, False)  # not on disk: what failed may pass
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
        agrees = same_answer and difference <= MAX_TRIAL_DIFFERENCE
        log.info("%s: %.2f times float32's speed, probabilities within %.4f", kind.name, speed, difference)
        self._measurements[kind.name] = Measurement(speed, start_seconds, agrees)
        if not agrees or speed < kind.min_speedup:
            self._ready.pop(kind.name, None)
        self.cache.write(self._cache_key(), {name: asdict(known) for name, known in self._measurements.items()})

    def _read_cache(self) -> dict[str, Measurement]:
        try:
            return {
                name: Measurement(float(found["speed"]), float(found["start_seconds"]), bool(found["agrees"]))
                for name, found in (self.cache.read(self._cache_key()) or {}).items()
                if name in ENGINE_KINDS
            }
        except (KeyError, TypeError, ValueError, AttributeError):  # written by another version: measure again
            return {}

    def _cache_key(self) -> str:
        """What the measurements depend on: weights, picture size, processor and libraries."""
        weights = hashlib.sha256(self.model.network.fc.weight.detach().numpy().tobytes()).hexdigest()[:8]
        picture = f"{self.model.spec.crop_size} pixels"
        return f"{self.model.variant} {weights}, {picture}, {machine(self.device, 'openvino')}"
