"""The drawn box lies where the network looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from resnet_demo.data.display import thumbnail, with_seen_box


def test_what_is_not_seen_is_dimmed() -> None:
    photo = Image.new("RGB", (400, 200), (200, 200, 200))
    shown = np.array(with_seen_box(photo, (400, 200), (100, 0, 300, 200), 1000))
    assert shown[100, 50].tolist() == [90, 90, 90]
    assert shown[100, 350].tolist() == [90, 90, 90]
    assert shown[100, 200].tolist() == [200, 200, 200]
    assert shown[100, 100].tolist() == [255, 255, 255]  # the frame


def test_a_box_in_the_originals_pixels_fits_a_reduced_picture() -> None:
    reduced = Image.new("RGB", (500, 250), (100, 100, 100))
    shown = np.array(with_seen_box(reduced, (4000, 2000), (1000, 0, 3000, 2000), 250))
    assert shown.shape == (125, 250, 3)
    assert shown[60, 30].tolist() == [45, 45, 45]
    assert shown[60, 125].tolist() == [100, 100, 100]


def test_slivers_keep_a_visible_box() -> None:
    photo = Image.new("RGB", (4000, 3), (10, 10, 10))
    shown = with_seen_box(photo, (4000, 3), (1998.5, 0, 2001.5, 3), 400)
    assert shown.size == (400, 1)
    assert (np.array(shown) == 255).any()


def test_what_a_file_says_beside_its_picture_is_left_behind(tmp_path: Path) -> None:
    photo = Image.new("RGB", (30, 20))
    photo.info["comment"] = b"c" * 70_000  # more than a JPEG can hold
    thumbnail(photo, 10).save(tmp_path / "small.jpg")
    assert "comment" in photo.info


def test_a_whole_picture_has_no_box_and_the_original_is_untouched() -> None:
    photo = Image.new("RGB", (30, 20), (9, 9, 9))
    assert np.array(with_seen_box(photo, (30, 20), (0, 0, 30, 20), 100)).max() == 9
    thumbnail(photo, 10)
    assert photo.size == (30, 20)
