"""Batches on the device, from photos that were decoded once, or from cached features of frozen stages.

Everything random is drawn from the seed, the epoch and the photo's place: the same photo looks the same in the same
epoch whatever the batches, after any interruption, and on any number of processes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.data.augment import DRAWS, Views, cut_box, cutmix, mixup, plain_views, random_views, render
from resnet_demo.data.preprocessing import ImageSpec, normalise
from resnet_demo.texts import AppError
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.config import ResolvedConfig
from resnet_demo.training.decoded_photos import DecodedPhotos, Report, unreported
from resnet_demo.training.distributed import DistributedContext, StopAskedError

ORDER, EPOCH_VIEW, FIXED_VIEW, MIX = range(4)
"""What random numbers are for: those for one purpose do not depend on how many another takes."""

AHEAD = 3
"""Batches that are prefetched for a GPU."""
EVAL_BATCH, EVAL_BATCH_CUDA = 32, 128
"""Photos at a time in evaluation."""

Layers = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Batch:
    """This process's part of a batch, on the device.

    `inputs` are images (N, 3, H, W), or with `features` the features of frozen stages; `targets` (N, classes) are
    probabilities. `photos` counts the whole batch, over all processes.
    """

    inputs: Tensor
    targets: Tensor
    photos: int
    features: bool = False

    def micro_batches(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets in so many parts, their sizes one photo apart at most."""
        return zip(self.inputs.tensor_split(count), self.targets.tensor_split(count), strict=True)


@dataclass(frozen=True)
class LabelledPhotos:
    """Decoded photos and the class of each, (N,); those that cannot be read are left out of batches."""

    decoded: DecodedPhotos
    labels: Tensor

    @cached_property
    def readable(self) -> Tensor:
        """The positions of those that can be read, (n,)."""
        return torch.tensor([i for i in range(len(self.labels)) if i not in self.decoded.unreadable], dtype=torch.long)


class BatchLoader:
    """Makes all batches of one training.

    Raises:
        AppError: fewer photos can be read than the processes need.
    """

    def __init__(
        self,
        training: LabelledPhotos,
        validation: LabelledPhotos,
        *,
        classes: int,
        config: ResolvedConfig,
        spec: ImageSpec,
        distributed: DistributedContext,
    ) -> None:
        self.training, self.validation = training, validation
        self.classes, self.config, self.spec, self.distributed = classes, config, spec, distributed
        self.rows = training.readable
        # A norm needs two photos or more to learn from, in each process.
        most = len(self.rows) // (2 * distributed.world_size)
        if most == 0:
            raise AppError("train.problem.few_photos", photos=len(self.rows), need=2 * distributed.world_size)
        self.steps = min(math.ceil(len(self.rows) / config.batch_size), most)
        self._view_features: list[Tensor] = []
        self._validation_features: Tensor | None = None

    def epoch(self, epoch: int, size: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (from 0) from `first_step` on, with pictures of `size` pixels a side."""
        order = torch.from_numpy(self._random(ORDER, epoch).permutation(len(self.rows)))
        batches = torch.tensor_split(order, self.steps)[first_step:]
        own = [batch[self.distributed.rank :: self.distributed.world_size] for batch in batches]
        if self._view_features:
            gathered = self._gathered(self._view_features[epoch % len(self._view_features)], own)
            for batch, part, features in zip(batches, own, gathered, strict=True):
                yield Batch(_channels_last(features), self._targets(part), len(batch), features=True)
            return
        views = self._views(epoch)
        gathered = self._gathered(self.training.decoded.pictures, [self.rows[part] for part in own])
        for number, (batch, part, squares) in enumerate(zip(batches, own, gathered, strict=True), start=first_step):
            images = normalise(render(squares, views(part), size), self.spec)
            images, targets = self._mixed(images, self._targets(part), epoch, number)
            yield Batch(images, targets, len(batch))

    def validation_batches(self) -> Iterator[Batch]:
        """Batches of the validation photos, each photo in one process only."""
        if self._validation_features is None:
            yield from self.eval_batches(self.validation)
            return
        positions = self._own(len(self._validation_features))
        labels = self.validation.labels[self.validation.readable]
        for part, features in zip(positions, self._gathered(self._validation_features, positions), strict=True):
            yield Batch(_channels_last(features), self._one_hot(labels[part]), len(part), features=True)

    def eval_batches(self, photos: LabelledPhotos) -> Iterator[Batch]:
        """Batches of photos without augmentation, in order; this process has those at `rank`, `rank + world_size`, …"""
        positions = [photos.readable[part] for part in self._own(len(photos.readable))]
        for part, crops in zip(positions, self._gathered(photos.decoded.pictures, positions), strict=True):
            yield Batch(normalise(crops, self.spec), self._one_hot(photos.labels[part]), len(part))

    @property
    def cached_views(self) -> int:
        """How many pictures `cache_features` runs frozen layers on."""
        return self.config.views * len(self.rows) + len(self.validation.readable)

    def cache_features(
        self, frozen: Layers, store: ArrayStore, stop_asked: Callable[[], object], report: Report = unreported
    ) -> None:
        """Run frozen layers once over each view of each photo; from then on batches hold their features.

        `report` is told how many of `cached_views` are done.

        Raises:
            StopAskedError: somebody wants the training to stop.
            AppError: there is no room for the features.
        """

        def view_images(views: Callable[[Tensor], Views], part: Tensor) -> Tensor:
            squares = self.training.decoded.pictures[self.rows[part]].to(self.distributed.device)
            return normalise(render(squares, views(part), self.spec.crop_size), self.spec)

        def validation_images(part: Tensor) -> Tensor:
            crops = self.validation.decoded.pictures[self.validation.readable[part]]
            return normalise(crops.to(self.distributed.device), self.spec)

        def features(images: Layers, count: int) -> Tensor:
            """Features of the `images` at positions 0 to `count`, (count, ...), on the CPU."""
            if count == 0:
                return torch.zeros(0)
            one = frozen(images(torch.zeros(1, dtype=torch.long)))
            found = store.zeros((count, *one.shape[1:]), one.dtype)
            with self.distributed.fail_together():
                for part in self._own(count):
                    if stop_asked():
                        break
                    found[part] = frozen(images(part)).cpu()
                    done[0] += len(part) * self.distributed.world_size
                    report(done[0])
            if self.distributed.all_max(int(bool(stop_asked()))):
                raise StopAskedError
            self.distributed.merge_rows(found)
            return found

        done = [0]
        views = [partial(view_images, self._fixed_views(view)) for view in range(self.config.views)]
        self._view_features = [features(images, len(self.rows)) for images in views]
        self._validation_features = features(validation_images, len(self.validation.readable))

    def _own(self, count: int) -> list[Tensor]:
        """This process's positions among `count`, in batches."""
        own = torch.tensor(range(self.distributed.rank, count, self.distributed.world_size), dtype=torch.long)
        batch = EVAL_BATCH_CUDA if self.distributed.device.type == "cuda" else EVAL_BATCH
        return list(torch.split(own, batch)) if len(own) else []

    def _views(self, epoch: int) -> Callable[[Tensor], Views]:
        """The views of the photos at given positions among the readable ones in an epoch."""
        if self.config.views:
            return self._fixed_views(epoch % self.config.views)
        return self._random_views(EPOCH_VIEW, epoch)

    def _fixed_views(self, view: int) -> Callable[[Tensor], Views]:
        """The first is as in evaluation."""
        if view > 0:
            return self._random_views(FIXED_VIEW, view)
        return lambda part: plain_views(self._shapes(part), self.spec)

    def _random_views(self, purpose: int, number: int) -> Callable[[Tensor], Views]:
        strength = self.config.augment
        if strength == 0:
            return lambda part: plain_views(self._shapes(part), self.spec)
        draws = torch.from_numpy(self._random(purpose, number).random((len(self.rows), DRAWS), np.float32))
        return lambda part: random_views(
            self._shapes(part),
            draws[part].to(self.distributed.device),
            strength,
            mirror=self.config.mirror,
            crop_mode=self.spec.crop_mode,
        )

    def _shapes(self, part: Tensor) -> Tensor:
        return self.training.decoded.shapes[self.rows[part]].to(self.distributed.device)

    def _targets(self, part: Tensor) -> Tensor:
        return self._one_hot(self.training.labels[self.rows[part]])

    def _one_hot(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.classes).float().to(self.distributed.device)

    def _mixed(self, images: Tensor, targets: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Mixup or CutMix, whichever is on; one of them by chance where both are."""
        ways = [way for way in ("mixup", "cutmix") if getattr(self.config, way)]
        if not ways:
            return images, targets
        random = self._random(MIX, epoch, step)
        way = ways[random.integers(len(ways))]
        alpha = getattr(self.config, way)
        share = random.beta(alpha, alpha)
        if way == "mixup":
            return mixup(images, targets, share)
        return cutmix(images, targets, cut_box(images.shape[-1], share, (random.random(), random.random())))

    def _random(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, *place])

    def _gathered(self, source: Tensor, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """Rows of `source` on the device, batch by batch; another thread gathers them while a GPU works."""
        if self.distributed.device.type != "cuda":
            for positions in batches:
                yield source.index_select(0, positions).to(self.distributed.device)
            return
        pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        try:
            under_way = deque(pool.submit(_pinned, source, positions) for positions in batches[:AHEAD])
            for number in range(len(batches)):
                rows = under_way.popleft().result()
                if number + AHEAD < len(batches):
                    under_way.append(pool.submit(_pinned, source, batches[number + AHEAD]))
                yield rows.to(self.distributed.device, non_blocking=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _pinned(source: Tensor, positions: Tensor) -> Tensor:
    return source.index_select(0, positions).pin_memory()


def _channels_last(features: Tensor) -> Tensor:
    """Maps (N, C, h, w), so laid out in memory; vectors as they are."""
    return features.contiguous(memory_format=torch.channels_last) if features.dim() == 4 else features
