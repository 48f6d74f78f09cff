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
from resnet_demo.data.preprocessing import ImageSpec, View, fit
from resnet_demo.texts import DEFAULT_LANGUAGE
from resnet_demo.training.ranks import Ranks, StopAskedError
from resnet_demo.training.room import Room

CHANGED = {"changed", "missing", "empty", "not_allowed", "closed_folder", "not_a_file"}
"""Problems of a file that was a photo and is another one now, or none."""

GLANCE = 64
"""Photos after which a stop that was asked for is noticed."""


@dataclass(frozen=True)
class Pixels:
    """Photos of one size: `pictures` (N, S, S, 3), uint8, and `shapes` (N,), width / height of the originals.

    `unreadable` says what is wrong, by position; those pictures are black. `changed` are the positions of those that
    are not the photos that they were.
    """

    pictures: Tensor
    shapes: Tensor
    unreadable: dict[int, str]
    changed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reader:
    """Decodes photos for one training: with which processes, into which room, up to how many pixels each.

    Its methods take the contents of the photos too, as `images.Header` has them, to notice which are others by now.
    They raise StopAskedError where somebody wants the training to stop, and AppError where there is no room.
    """

    ranks: Ranks
    room: Room
    max_pixels: int
    stop_asked: Callable[[], object]

    def squares(self, paths: Sequence[Path], spec: ImageSpec, contents: Sequence[bytes] | None = None) -> Pixels:
        """Whole photos squashed to squares somewhat larger than `spec` needs, to take random views from."""
        side = round(MARGIN * spec.crop_size)
        return self._read(paths, ImageSpec(side, side, spec.mean, spec.std, spec.interpolation), "whole", contents)

    def crops(self, paths: Sequence[Path], spec: ImageSpec, contents: Sequence[bytes] | None = None) -> Pixels:
        """What a network with this `spec` sees of photos once it is taught."""
        return self._read(paths, spec, "crop", contents)

    def _read(self, paths: Sequence[Path], spec: ImageSpec, view: View, contents: Sequence[bytes] | None) -> Pixels:
        """Each process reads its part, in threads, and then all have all."""
        pictures = self.room.zeros((len(paths), spec.crop_size, spec.crop_size, 3), torch.uint8)
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
                pictures[position] = torch.from_numpy(fit(loaded.image, spec, view, loaded.size))
                shapes[position] = loaded.size[0] / loaded.size[1]

        own = range(self.ranks.rank, len(paths), self.ranks.world)
        with ThreadPoolExecutor((os.cpu_count() or 1) // self.ranks.local_world or 1) as pool:
            for start in range(0, len(own), GLANCE):
                if self.stop_asked():
                    break
                list(pool.map(read, own[start : start + GLANCE]))
        if self.ranks.highest(int(bool(self.stop_asked()))):
            raise StopAskedError
        self.ranks.fill_in(pictures)
        self.ranks.fill_in(shapes)
        unreadable, changed = self.ranks.joined(unreadable), self.ranks.joined(changed)
        return Pixels(pictures, shapes.clamp(min=1e-3), unreadable, frozenset(changed))
