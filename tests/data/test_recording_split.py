"""Frames of recordings are split by time: neighbours are never on two sides."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from resnet_demo.data.recording_split import FEWEST_FRAMES, MOST_GAP, split_recordings


def lengths(*counts: int) -> list[int]:
    return [number for number, count in enumerate(counts, 1) for _ in range(count)]


@pytest.mark.parametrize("count", [8, 9, 13, 20, 60, 300])
def test_one_recording_is_cut_into_three_blocks_with_gaps(count: int) -> None:
    splits = split_recordings(lengths(count))
    order = [split for split, after in pairwise([*splits, "end"]) if split != after and split is not None]
    assert order == ["train", "val", "test"]
    counts = Counter(splits)
    assert counts["test"] == max(1, round(0.15 * count))
    assert 1 <= counts["val"] <= counts["test"]
    assert counts["train"] > count / 2
    if count >= 60:
        assert counts[None] == 2 * MOST_GAP
        first = splits.index("val")
        assert splits[first - MOST_GAP : first] == [None] * MOST_GAP


def test_of_several_recordings_whole_ones_are_held_back() -> None:
    recordings = lengths(40, 10, 30, 12)
    splits = split_recordings(recordings)
    assert None not in splits
    for number, split in ((1, "train"), (2, "val"), (3, "train"), (4, "test")):  # of 92 frames 14 each are wanted
        assert {found for found, of in zip(splits, recordings, strict=True) if of == number} == {split}


def test_recordings_that_are_too_long_or_short_to_be_held_back_are_cut() -> None:
    for recordings in (lengths(100, 1, 1), lengths(50, 50), lengths(40, 40, 1)):
        splits = split_recordings(recordings)
        assert {"train", "val", "test"} <= set(splits)
        assert splits[-1] == "test"


def test_no_gap_where_the_recording_ends_anyway() -> None:
    splits = split_recordings(lengths(70, 30))
    assert splits[69:71] == ["train", "val"]
    assert splits[:70] == ["train"] * 70


def test_too_few() -> None:
    with pytest.raises(ValueError, match="few"):
        split_recordings(lengths(FEWEST_FRAMES - 1))
