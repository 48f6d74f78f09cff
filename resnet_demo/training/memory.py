"""How much memory a training needs, estimated from shapes, and how many micro-batches make it fit.

A network learns by keeping what its layers need for the way back: what enters a convolution and a norm, what leaves a
ReLU (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", section 3). Torch itself says what that is: the
network is built without memory, on the meta device, and run once forward. It grows with the photos of a micro-batch;
weights, gradients and the optimiser's state do not. What torch takes beside that was measured (`BASE`, `SPARE`): real
trainings' highest resident memory, on a CPU, in float32.

Free of torch until something is asked.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import psutil

from resnet_demo.settings import GIGABYTE, MEGABYTE
from resnet_demo.texts import AppError, Field
from resnet_demo.training.config import ResolvedConfig, TrainDepth
from resnet_demo.training.free_memory import ARRAY_MEMORY_SHARE, free_bytes

if TYPE_CHECKING:
    import torch

    from resnet_demo.training.frozen_backbone import TrainableTail

BASE = 600 * MEGABYTE
"""What a process holds that has loaded torch and computed something; on a GPU about what CUDA takes for itself."""
WORKSPACE = 3
"""Arrays as large as a layer's largest output that are there beside what is kept: its gradient, and copies."""
SPARE = 1.4
"""Bytes for one byte that a step takes and gives back: allocators keep gaps, and oneDNN lays arrays out anew."""
VIEW_BYTES = 120
"""For each pixel of a view, while a whole batch of them is made from decoded photos (`data/augment.py`)."""
EVAL_BATCH = 32
"""Photos at a time in evaluation."""
SIXTEEN_BITS = 0.6
"""Of what is kept in float32, what is kept where layers compute in 16 bits; norms keep some of it in float32."""
LOWER = {"bf16", "fp16"}
PAIR = 2
"""Photos that shapes are found out with: norms that learn take no single one."""
STATES = {"sgd": 1, "adam": 2, "adamw": 2, "lbfgs": 22}
"""Numbers that an optimiser keeps for each weight; L-BFGS ten steps and changes of the gradient."""
SQUARE = 1.15**2 * 3
"""Bytes of a decoded photo for each pixel of a view."""
SMALLER_SIZES = (448, 384, 320, 256, 224, 192, 160, 128, 96, 64, 32)
"""Sizes of pictures that are tried where those that were asked for need too much."""


@dataclass(frozen=True)
class Shapes:
    """What shapes say of a network, in bytes of float32.

    `weights` are all of them, `trainable` those that learn. Of each photo `kept` is what the way back needs, `largest`
    the largest output of a layer and `features` what enters the part that learns.
    """

    weights: int
    trainable: int
    kept: int
    largest: int
    features: int


@dataclass(frozen=True)
class Need:
    """What one process of a training needs, in bytes: fixed, and for each photo of a batch and of a micro-batch.

    `per_eval_photo` is for each of the `eval_photos` that are evaluated together, in micro-batches too. `batch` counts
    the photos that it has of a batch, and a micro-batch has at least `min_photos`. `saving` is what it needs while it
    writes a checkpoint, beside the fixed part.
    """

    fixed: int
    per_batch_photo: int
    per_micro_batch_photo: int
    per_eval_photo: int
    eval_photos: int
    saving: int
    batch: int
    min_photos: int

    def bytes(self, micro_batches: int = 1) -> int:
        """At its peak, with so many micro-batches."""
        step = self.batch * self.per_batch_photo + math.ceil(self.batch / micro_batches) * self.per_micro_batch_photo
        evaluation = math.ceil(self.eval_photos / micro_batches) * self.per_eval_photo
        return self.fixed + max(round(SPARE * max(step, evaluation)), self.saving)

    @property
    def max_micro_batches(self) -> int:
        """How many a batch can be split into."""
        return max(1, self.batch // self.min_photos)


@dataclass(frozen=True)
class Workload:
    """What a training's need follows from: its settings with nothing left open, its network and its photos.

    `photos` are those to learn from, `others` those to choose and to judge by. `processes` share each batch; `here` of
    them run on this machine, and only the CPU's memory do they share.
    """

    config: ResolvedConfig
    variant: str
    classes: int
    photos: int
    others: int
    device: str = "cpu"
    precision: str | None = None
    processes: int = 1
    here: int = 1

    @property
    def shapes(self) -> Shapes:
        """Those of the network.

        Raises:
            AppError: there is no such network, or it has fewer stages than shall learn.
        """
        return shapes_of(self.variant, self.classes, self.config.train_depth, self.config.image_size)

    @property
    def caches_features(self) -> bool:
        """Whether frozen stages run once for each view, and their features are kept."""
        return bool(self.config.views) and self.config.train_depth != "all"

    def need(self) -> Need:
        """What each process needs, without decoded photos.

        Raises:
            AppError: as for `shapes`.
        """
        config, found, on_cpu = self.config, self.shapes, self.device == "cpu"
        states = STATES[config.optimiser] * found.trainable
        average = found.weights if config.ema else 0
        frozen = 0 if config.train_depth == "all" else found.weights
        tried = found.weights + average + states if config.range_test else 0
        working, view = WORKSPACE * found.largest, VIEW_BYTES * config.image_size**2
        kept = round((SIXTEEN_BITS if self.precision in LOWER else 1) * found.kept)
        # A file is first laid out anew, then as bytes; the one before it, or the best model, is there beside it.
        saving = 2 * found.weights + 2 * max(found.weights, states) if on_cpu else found.weights
        return Need(
            fixed=BASE + found.weights + frozen + average + states + found.trainable + tried,
            per_batch_photo=2 * found.features if self.caches_features else view,
            per_micro_batch_photo=kept + (2 * found.features if self.caches_features else working),
            per_eval_photo=working + view,
            eval_photos=min(EVAL_BATCH, max(self.photos, self.others)),
            saving=saving,
            batch=self._batch,
            min_photos=1 if config.train_depth == "head" else 2,
        )

    @property
    def _batch(self) -> int:
        """Photos of the largest batch that are this process's, as `batch_loader.BatchLoader` makes them."""
        most = max(1, self.photos // (2 * self.processes))
        steps = min(max(1, math.ceil(self.photos / self.config.batch_size)), most)
        return max(1, math.ceil(math.ceil(self.photos / steps) / self.processes))

    @property
    def decoded(self) -> int:
        """Bytes of all decoded photos and of what frozen stages make of them where that is kept."""
        config = self.config
        size = round((self.photos + self.others) * SQUARE * config.image_size**2)
        return size + (self.photos * config.views * self.shapes.features if self.caches_features else 0)

    def total(self, micro_batches: int, free: int) -> int:
        """Bytes of all processes here with so many micro-batches; of decoded photos, those that stay in memory."""
        if self.device != "cpu":
            return self.need().bytes(micro_batches)
        return self.here * self.need().bytes(micro_batches) + min(self.decoded, round(ARRAY_MEMORY_SHARE * free))

    def micro_batches(self, free: int) -> int | None:
        """The fewest micro-batches that fit into so many free bytes; None where none are small enough."""
        number, most = 1, self.need().max_micro_batches
        while self.total(number, free) > free:
            if number >= most:
                return None
            number = min(2 * number, most)
        return number

    def fitted(self, free: int) -> int:
        """As `micro_batches`.

        Raises:
            AppError: not even the smallest micro-batches fit; the sentence says what would.
        """
        micro_batches = self.micro_batches(free)
        if micro_batches is None:
            said = _said(self.total(self.need().max_micro_batches, free), free)
            found = self._smaller(lambda workload: workload.micro_batches(free) is not None)
            raise (
                AppError(f"train.problem.memory.{found[0]}", **said, value=found[1])
                if found
                else AppError("train.problem.memory", **said)
            )
        return micro_batches

    def require_share(self, share: int) -> None:
        """Refuse what takes more than a share of the machine's memory with whole batches and all photos.

        Raises:
            AppError: it does; the sentence says what would not.
        """
        if self._whole > share:
            said = _said(self._whole, share)
            found = self._smaller(lambda workload: workload._whole <= share)
            raise (
                AppError(f"train.problem.memory_share.{found[0]}", **said, value=found[1])
                if found
                else AppError("train.problem.memory_share", **said)
            )

    @property
    def _whole(self) -> int:
        return self.here * self.need().bytes() + self.decoded

    def _smaller(self, fits: Callable[[Workload], bool]) -> tuple[str, int] | None:
        """The setting and its value with which it would fit: smaller batches, or else smaller pictures."""
        for workload in self._smaller_batches():
            if fits(workload):
                return "batch_size", workload.config.batch_size
        pictures = self._smaller_pictures()
        fitting = bisect.bisect_left(pictures, True, key=fits)  # the largest; each one tried takes a second
        return ("image_size", pictures[fitting].config.image_size) if fitting < len(pictures) else None

    def _smaller_batches(self) -> Iterator[Workload]:
        """With half as many photos in each batch, and so on."""
        batch = min(self.config.batch_size, self._batch * self.processes)
        for halvings in range(batch.bit_length()):
            size = 2 ** (batch.bit_length() - 1 - halvings)
            if 2 <= size < batch:
                yield replace(self, config=self.config.smaller(batch_size=size))

    def _smaller_pictures(self) -> list[Workload]:
        sizes = (size for size in SMALLER_SIZES if size < self.config.image_size)
        return [replace(self, config=self.config.smaller(image_size=size)) for size in sizes]


@lru_cache(maxsize=64)
def shapes_of(variant: str, classes: int, depth: TrainDepth, size: int) -> Shapes:
    """What the shapes of a network say, for pictures of `size` pixels a side; takes about a second of one core.

    Raises:
        AppError: there is no such network, or it has fewer stages than shall learn.
    """
    import torch

    from resnet_demo.models import variants
    from resnet_demo.training.frozen_backbone import TrainableTail

    with torch.device("meta"):
        network = variants.build(variant, classes)
        trainable = TrainableTail(network, depth).train()
        images = torch.empty(PAIR, 3, size, size)
    largest = 0

    def note_output(_module: object, _inputs: object, output: torch.Tensor) -> None:
        nonlocal largest
        largest = max(largest, output.numel() * output.element_size())

    for module in network.modules():
        module.register_forward_hook(note_output)
    with torch.no_grad():
        features = _below(trainable, images)
    own = {_place(tensor) for tensor in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.setdefault(_place(tensor), tensor.untyped_storage())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = trainable(features)
    del logits
    return Shapes(
        weights=sum(map(_bytes, (*network.parameters(), *network.buffers()))),
        trainable=sum(_bytes(one) for one in network.parameters() if one.requires_grad),
        kept=sum(storage.nbytes() for place, storage in kept.items() if place not in own) // PAIR,
        largest=largest // PAIR,
        features=_bytes(features) // PAIR,
    )


def _below(trainable: TrainableTail, images: torch.Tensor) -> torch.Tensor:
    """What enters the part that learns."""
    network = trainable.network
    if trainable.depth == "all":
        return images
    features = network.forward_stem(images)
    for name, stage in network.stages().items():
        if trainable.depth == "head" or name not in trainable.stage_names:
            features = stage(features)
    return features.mean((2, 3)) if trainable.depth == "head" else features


def _place(tensor: torch.Tensor) -> int:
    """An identity of a tensor's storage, which on the meta device has no address."""
    return int(tensor.untyped_storage()._cdata)


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def free_on(device: torch.device, processes: int = 1, *, holding: bool = True) -> int:
    """Bytes that so many processes can have together on a device, counting what this one and its like hold already.

    With `holding` false none of them has been started yet.
    """
    import torch

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) + BASE) if holding else int(free)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return free_bytes() + (processes * int(psutil.Process().memory_info().rss) if holding else 0)


def _said(need: int, free: int) -> dict[str, Field]:
    return {"need": gigabytes(need), "free": gigabytes(free)}


def gigabytes(count: int) -> str:
    """A number of bytes as people say it."""
    return f"{count / GIGABYTE:.1f}" if count < 10 * GIGABYTE else f"{count / GIGABYTE:.0f}"
