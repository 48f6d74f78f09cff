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

GLANCE = 64
"""Photos after which a stop that was asked for is noticed."""


@dataclass(frozen=True)
class Pixels:
    """Photos of one size: `pictures` (N, S, S, 3), uint8, and `shapes` (N,), width / height of the originals.

    `unreadable` says what is wrong, by position; those pictures are black.
    """

    pictures: Tensor
    shapes: Tensor
    unreadable: dict[int, str]


@dataclass(frozen=True)
class Reader:
    """Decodes photos for one training: with which processes, into which room, up to how many pixels each.

    Its methods raise StopAskedError where somebody wants the training to stop, and AppError where there is no room.
    """

    ranks: Ranks
    room: Room
    max_pixels: int
    stop_asked: Callable[[], object]

    def squares(self, paths: Sequence[Path], spec: ImageSpec) -> Pixels:
        """Whole photos squashed to squares somewhat larger than `spec` needs, to take random views from."""
        side = round(MARGIN * spec.crop_size)
        return self._read(paths, ImageSpec(side, side, spec.mean, spec.std, spec.interpolation), "whole")

    def crops(self, paths: Sequence[Path], spec: ImageSpec) -> Pixels:
        """What a network with this `spec` sees of photos once it is taught."""
        return self._read(paths, spec, "crop")

    def _read(self, paths: Sequence[Path], spec: ImageSpec, view: View) -> Pixels:
        """Each process reads its part, in threads, and then all have all."""
        pictures = self.room.zeros((len(paths), spec.crop_size, spec.crop_size, 3), torch.uint8)
        shapes = torch.zeros(len(paths))
        unreadable: dict[int, str] = {}

        def read(position: int) -> None:
            with images.opened(paths[position], needed=spec.resize_size, max_pixels=self.max_pixels) as found:
                if isinstance(found, Problem):
                    unreadable[position] = found.say(DEFAULT_LANGUAGE)
                    return
                pictures[position] = torch.from_numpy(fit(found.image, spec, view, found.size))
                shapes[position] = found.size[0] / found.size[1]

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
        return Pixels(pictures, shapes.clamp(min=1e-3), self.ranks.joined(unreadable))
