"""Photos decoded and resized once, before the first step: no epoch opens a file again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from resnet_demo.data import images
from resnet_demo.data.augment import MARGIN
from resnet_demo.data.images import Problem
from resnet_demo.data.preprocessing import CropMode, ImageSpec, fit
from resnet_demo.texts import DEFAULT_LANGUAGE
from resnet_demo.training.array_store import ArrayStore
from resnet_demo.training.distributed import DistributedContext, StopAskedError

CHANGED = {"changed", "missing", "empty", "not_allowed", "closed_folder", "not_a_file"}
"""Problems of a file that was a photo and is another one now, or none."""

Report = Callable[[int], None]

STOP_CHECK_PHOTOS = 64
"""Photos between two checks for a requested stop."""


def unreported(_done: int) -> None:
    """For work whose progress nobody watches."""


@dataclass(frozen=True)
class DecodedPhotos:
    """Photos of one size: `pictures` (N, S, S, 3), uint8, and `shapes` (N,), width / height of the originals.

    `unreadable` says what is wrong, by position; those pictures are black. `changed` are the positions of those that
    are not the photos that they were.
    """

    pictures: Tensor
    shapes: Tensor
    unreadable: dict[int, str]
    changed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class PhotoDecoder:
    """Decodes photos for one training: by several processes, into an array store, up to `max_pixels` each.

    Its methods take the contents of the photos too, as `images.Header` has them, to notice which have changed.
    `report` is told how many are decoded so far. They raise StopAskedError where somebody wants the training to stop,
    and AppError where there is no room.
    """

    distributed: DistributedContext
    store: ArrayStore
    max_pixels: int
    stop_asked: Callable[[], object]

    def squares(
        self,
        paths: Sequence[Path],
        spec: ImageSpec,
        contents: Sequence[bytes] | None = None,
        report: Report = unreported,
    ) -> DecodedPhotos:
        """Whole photos squashed to squares somewhat larger than `spec` needs, to take random views from."""
        side = round(MARGIN * spec.crop_size)
        return self._read(
            paths, ImageSpec(side, side, spec.mean, spec.std, spec.interpolation), "whole", contents, report
        )

    def crops(
        self,
        paths: Sequence[Path],
        spec: ImageSpec,
        contents: Sequence[bytes] | None = None,
        report: Report = unreported,
    ) -> DecodedPhotos:
        """What a network with this `spec` sees in evaluation: the centre crops, or whole photos."""
        return self._read(paths, spec, spec.crop_mode, contents, report)

    def _read(
        self,
        paths: Sequence[Path],
        spec: ImageSpec,
        crop_mode: CropMode,
        contents: Sequence[bytes] | None,
        report: Report,
    ) -> DecodedPhotos:
        """Each process reads its part, in threads, and then all have all."""
        pictures = self.store.zeros((len(paths), spec.crop_size, spec.crop_size, 3), torch.uint8)
        shapes = torch.zeros(len(paths))
        unreadable: dict[int, str] = {}
        changed: dict[int, str] = {}

        def read(position: int) -> None:
            content = None if contents is None else contents[position]
            needed = spec.resize_size
            with images.opened(paths[position], needed=needed, max_pixels=self.max_pixels, content=content) as loaded:
                if isinstance(loaded, Problem):
                    unreadable[position] = loaded.say(DEFAULT_LANGUAGE)
                    if content is not None and loaded.kind in CHANGED:
                        changed[position] = loaded.kind
                    return
                pictures[position] = torch.from_numpy(fit(loaded.image, spec, crop_mode, loaded.size))
                shapes[position] = loaded.size[0] / loaded.size[1]

        own = range(self.distributed.rank, len(paths), self.distributed.world_size)
        with ThreadPoolExecutor((os.cpu_count() or 1) // self.distributed.local_world_size or 1) as pool:
            for start in range(0, len(own), STOP_CHECK_PHOTOS):
                if self.stop_asked():
                    break
                for number, _ in enumerate(pool.map(read, own[start : start + STOP_CHECK_PHOTOS]), start + 1):
                    report(number * self.distributed.world_size)
        if self.distributed.all_max(int(bool(self.stop_asked()))):
            raise StopAskedError
        self.distributed.merge_rows(pictures)
        self.distributed.merge_rows(shapes)
        unreadable, changed = self.distributed.merge_dicts(unreadable), self.distributed.merge_dicts(changed)
        return DecodedPhotos(pictures, shapes.clamp(min=1e-3), unreadable, frozenset(changed))
