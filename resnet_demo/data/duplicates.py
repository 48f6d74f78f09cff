"""Exact and near duplicates: the same file, or the same picture re-encoded, resized, recoloured or mirrored.

Near duplicates are found by a perceptual hash: the signs of the 64 lowest frequencies of the picture, small and in grey
(as in Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, but without the median).
Candidates with nearly the same hash are looked up in buckets instead of comparing all pairs, and then compared at 16x16
pixels. All numbers are integers, so that the result, and with it a split, is the same on every machine that decodes a
file to the same pixels.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_demo.data.file_names import display_name
from resnet_demo.data.image_folder import Dataset
from resnet_demo.data.images import Problem, opened
from resnet_demo.data.index import open_index
from resnet_demo.download import Progress
from resnet_demo.settings import Settings

Hashes = npt.NDArray[np.uint64]
Greys = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]

RADIUS = 10
"""Bits of 64 in which the hashes of near duplicates may differ.

Of 2,500 flower photos, all 11 pairs within this distance are the same picture or the next moment of the same scene, and
none of the 13 pairs at distances 11 and 12 is.
"""

LEAST_LIKENESS = 0.55
"""Least cosine similarity of the brightness gradients of two pictures at 16x16; it keeps 10 of those 11 pairs.

It matters in larger sets: checked by eye, 51 of the 60 groups that it leaves of 12,000 CIFAR-10 photos are one picture;
at 0.45, two in three.
"""

LEAST_MIRRORED = 0.8
"""The same for a picture and a mirrored one, which is a copy and never the next moment of the same scene."""

FLAT = 480
"""Sum of squared brightness differences below which a picture is too flat to be compared."""

_SIDE = 32
_DECODED_SIDE = 64
_BANDS, _BAND_BITS, _MOST_FLIPS = 4, 16, 2
_FULLEST = 32
_BATCH = 512
_COMPARED_AT_ONCE = 4_096

_FREQUENCIES = sorted(((down, across) for down in range(11) for across in range(11)), key=lambda f: (sum(f), f))[1:65]
# Dealt to the bands in turn: low frequencies discriminate better, and each band should have some of them.
_BITS = [frequency for band in range(_BANDS) for frequency in _FREQUENCIES[band::_BANDS]]
_DOWN, _ACROSS = (np.array(axis) for axis in zip(*_BITS, strict=True))
_COSINES = np.rint(4096 * np.cos(np.pi * np.arange(11)[:, None] * (2 * np.arange(_SIDE) + 1) / (2 * _SIDE))).astype(
    np.int64
)
"""The rows of a discrete cosine transform, as integers."""

_MIRROR = np.packbits(_ACROSS % 2 == 1).view(">u8")[0].astype(np.uint64)
"""The bits that change when a picture is mirrored left to right."""


@dataclass(frozen=True)
class Duplicates:
    """Groups of duplicates in a data set, as indices into its photos.

    `groups` has for each photo the index of the first photo of its group. `exact` are groups of files with the same
    content, `near` groups with more than one content. `problems` are photos that could not be decoded.
    """

    groups: tuple[int, ...]
    exact: tuple[tuple[int, ...], ...]
    near: tuple[tuple[int, ...], ...]
    problems: tuple[Problem, ...]


def find_duplicates(
    dataset: Dataset, home: Path, progress: Progress | None = None, *, max_pixels: int = Settings.max_pixels
) -> Duplicates:
    """Find exact and near duplicates; the perceptual hash of each photo is computed once and kept in the index.

    Pictures that were rotated, or cropped by more than a little, are not found. Takes 264 bytes of memory per photo.

    Args:
        home: the data home, where the index is kept.
        progress: called with (photos done, all photos); an exception it raises ends the work, and the index keeps
            what was done.

    Raises:
        AppError: the index cannot be written.
    """
    groups = _Groups(len(dataset.photos))
    exact = tuple(_same_files(dataset))
    for same in exact:
        for index in same[1:]:
            groups.join(same[0], index)
    firsts = groups.roots()
    indices, hashed, problems = _hash_all(dataset, sorted(set(firsts)), home, progress, max_pixels)
    hashes = hashed[:, :8].copy().view(">u8")[:, 0].astype(np.uint64)
    for index, alike in zip(indices, group_duplicates(hashes, hashed[:, 8:].reshape(-1, 16, 16)), strict=True):
        groups.join(index, indices[alike])
    members = defaultdict(list)
    for index, root in enumerate(groups.roots()):
        members[root].append(index)
    near = tuple(tuple(group) for group in members.values() if len({firsts[index] for index in group}) > 1)
    return Duplicates(tuple(groups.roots()), exact, near, tuple(problems))


def _same_files(dataset: Dataset) -> Iterator[tuple[int, ...]]:
    """Groups of photos with the same content."""
    by_content = defaultdict(list)
    for index, photo in enumerate(dataset.photos):
        by_content[photo.content].append(index)
    yield from (tuple(indices) for indices in by_content.values() if len(indices) > 1)


def _hash_all(
    dataset: Dataset, indices: Sequence[int], home: Path, progress: Progress | None, max_pixels: int
) -> tuple[list[int], Greys, list[Problem]]:
    """The photos that can be decoded, and their perceptual hashes (8 bytes) with 16x16 grey levels, (K, 264)."""
    seen: list[int] = []
    hashed = bytearray()
    problems = []

    def hash_photo(index: int) -> bytes | Problem:
        return _perceptual_hash(dataset.root / dataset.photos[index].path, max_pixels)

    with open_index(home, dataset.root) as memory, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(indices), _BATCH):
            batch = indices[start : start + _BATCH]
            known = {index: memory.find_perceptual_hash(dataset.photos[index].content) for index in batch}
            fresh = [index for index, perceptual_hash in known.items() if perceptual_hash is None]
            for index, perceptual_hash in zip(fresh, pool.map(hash_photo, fresh), strict=True):
                if isinstance(perceptual_hash, Problem):
                    problems.append(replace(perceptual_hash, file=display_name(dataset.photos[index].path)))
                else:
                    known[index] = perceptual_hash
                    memory.keep_perceptual_hash(dataset.photos[index].content, perceptual_hash)
            for index, kept in known.items():
                if kept is not None:
                    seen.append(index)
                    hashed += kept
            if progress:
                progress(start + len(batch), len(indices))
    return seen, np.frombuffer(hashed, dtype=np.uint8).reshape(len(seen), 8 + 256), problems


def _perceptual_hash(path: Path, max_pixels: int) -> bytes | Problem:
    """The hash (8 bytes) and the grey levels at 16x16 (256 bytes)."""
    with opened(path, needed=_DECODED_SIDE, max_pixels=max_pixels) as picture:
        if isinstance(picture, Problem):
            return picture
        small = picture.image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    greys = np.asarray(small, dtype=np.int64)
    rising: npt.NDArray[np.bool_] = (_COSINES @ greys @ _COSINES.T)[_DOWN, _ACROSS] > 0
    smaller: Greys = (greys.reshape(16, 2, 16, 2).sum(axis=(1, 3)) // 4).astype(np.uint8)
    return np.packbits(rising).tobytes() + smaller.tobytes()


class _Groups:
    """Disjoint sets (union-find; Galler and Fischer, 1964), each identified by its smallest member."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, index: int) -> int:
        while self._parents[index] != index:
            self._parents[index] = index = self._parents[self._parents[index]]
        return index

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parents[high] = low

    def roots(self) -> list[int]:
        return [self.root(index) for index in range(len(self._parents))]


def group_duplicates(hashes: Hashes, greys: Greys) -> list[int]:
    """For each picture the first of its group, given hashes (N,) and grey levels (N, 16, 16).

    Two hashes within RADIUS differ by at most two bits in one of four bands of 16 bits, in which they are looked up.
    The time grows with N, not with N * N, since at most 32 entries are read from each of a band's 65,536 buckets.
    """
    groups = _Groups(len(hashes))
    for flips in range(_MOST_FLIPS + 1):
        roots = np.array(groups.roots())
        for mirrored in (False, True):
            for one, other in _candidates(hashes, hashes ^ _MIRROR if mirrored else hashes, flips):
                apart = roots[one] != roots[other]
                for pair in _alike_pairs(greys, one[apart], other[apart], mirrored):
                    groups.join(*pair)
    return groups.roots()


def _candidates(table: Hashes, queries: Hashes, flips: int) -> Iterator[tuple[Indices, Indices]]:
    """Pairs (query, entry) within RADIUS that differ in exactly `flips` bits of a band."""
    for band in range(_BANDS):
        shift = np.uint64(band * _BAND_BITS)
        keys, wanted = ((hashes >> shift).astype(np.uint16).astype(np.intp) for hashes in (table, queries))
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange(2**_BAND_BITS + 1))
        for bits in combinations(range(_BAND_BITS), flips):
            bucket = wanted ^ sum(1 << bit for bit in bits)
            filled = np.minimum(starts[bucket + 1] - starts[bucket], _FULLEST)
            query = np.repeat(np.arange(len(queries)), filled)
            ahead = np.cumsum(filled) - filled
            entry = order[np.arange(len(query)) + np.repeat(starts[bucket] - ahead, filled)]
            close = np.bitwise_count(queries[query] ^ table[entry]) <= RADIUS
            yield query[close], entry[close]


def _alike_pairs(greys: Greys, one: Indices, other: Indices, mirrored: bool) -> Iterator[tuple[int, int]]:
    """The pairs that are similar at 16x16."""
    for start in range(0, len(one), _COMPARED_AT_ONCE):
        some, others = one[start : start + _COMPARED_AT_ONCE], other[start : start + _COMPARED_AT_ONCE]
        steps = _steps(greys[some])
        other_steps = _steps(greys[others][:, :, ::-1] if mirrored else greys[others])
        power, other_power = (np.square(each).sum(axis=1) for each in (steps, other_steps))
        likeness = (steps * other_steps).sum(axis=1)
        least = LEAST_MIRRORED if mirrored else LEAST_LIKENESS
        alike = (likeness >= least * np.sqrt(power * other_power)) & (np.minimum(power, other_power) >= FLAT)
        yield from zip(some[alike].tolist(), others[alike].tolist(), strict=True)


def _steps(greys: Greys) -> npt.NDArray[np.int64]:
    """Horizontal and vertical differences of neighbouring pixels, (N, 480)."""
    levels = greys.astype(np.int64)
    across, down = np.diff(levels, axis=2), np.diff(levels, axis=1)
    return np.concatenate([across.reshape(len(levels), -1), down.reshape(len(levels), -1)], axis=1)
