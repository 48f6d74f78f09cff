"""The split of frames that a camera recorded: by time, since neighbouring frames are nearly the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from resnet_demo.data.part_names import SplitName

FEWEST_FRAMES = 8
"""Frames of a class from which on it can be split: a second of recording."""

MOST_GAP = 3
"""Frames left out between two splits of one recording, at most."""

LARGEST_SHARE = 1 / 3
"""Of a class's frames that a whole recording may have and still be held back."""

WHOLE_RECORDINGS = 3
"""Recordings of a class from which on whole ones are held back."""


def split_recordings(recordings: Sequence[int], val: float = 0.15, test: float = 0.15) -> list[SplitName | None]:
    """The split of each frame of one class; None for those that are left out between two splits.

    Of three recordings and more, whole ones are held back for validation and test, those whose lengths come closest to
    the shares. Else the end of the last recording is for the test, what comes before it for validation, and a few
    frames between are left out.

    Args:
        recordings: the number of the recording that each frame belongs to, in the order of time.
        val, test: shares of the frames.

    Raises:
        ValueError: there are fewer than `FEWEST_FRAMES`.
    """
    count = len(recordings)
    if count < FEWEST_FRAMES:
        raise ValueError("too few frames")
    wanted: dict[SplitName, int] = {"test": max(1, round(count * test)), "val": max(1, round(count * val))}
    return _by_recording(recordings, wanted) or _by_blocks(recordings, wanted)


def _by_recording(recordings: Sequence[int], wanted: dict[SplitName, int]) -> list[SplitName | None]:
    """Whole recordings held back; empty where none are short enough."""
    lengths = {number: len(list(frames)) for number, frames in groupby(recordings)}
    if len(lengths) < WHOLE_RECORDINGS:
        return []
    held: dict[int, SplitName] = {}
    for name, share in wanted.items():
        free = {
            number: length
            for number, length in lengths.items()
            if number not in held and share / 2 <= length <= LARGEST_SHARE * len(recordings)
        }
        if not free:
            return []
        held[min(free, key=lambda number: abs(free[number] - share))] = name
    return [held.get(number, "train") for number in recordings]


def _by_blocks(recordings: Sequence[int], wanted: dict[SplitName, int]) -> list[SplitName | None]:
    """Blocks of time, one for each split."""
    count = len(recordings)
    test_begins = count - wanted["test"]
    val_begins = test_begins - wanted["val"]
    gap = min(MOST_GAP, count // 20)
    lengths: dict[SplitName, int] = {"train": val_begins, "val": wanted["val"], "test": wanted["test"]}
    splits: list[SplitName | None] = [name for name, length in lengths.items() for _ in range(length)]
    # The gap comes out of what lies before it: of validation photos there is at least one.
    for begins, room in ((val_begins, gap), (test_begins, min(gap, wanted["val"] - 1))):
        if recordings[begins - 1] == recordings[begins]:
            splits[begins - room : begins] = [None] * room
    return splits
