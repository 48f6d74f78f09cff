"""Numbers as colours: what zero, much and little look like, and numbers that are none."""

from __future__ import annotations

import numpy as np

from resnet_demo.plots import colour_maps

LUMA = np.array([0.299, 0.587, 0.114])


def test_amounts_rise_in_grey_too() -> None:
    painted = colour_maps.sequential(np.linspace(0, 4, 50), 4)
    assert painted.shape == (50, 3)
    assert painted.dtype == np.uint8
    assert (np.diff(painted @ LUMA) > 0).all()
    assert painted[0].max() < 10


def test_signed_is_white_at_zero_and_as_dark_on_either_side() -> None:
    painted = colour_maps.diverging(np.array([-2.0, -1, 0, 1, 2]), 2)
    assert painted[2].min() > 240
    grey = painted @ LUMA
    assert grey[0] < grey[1] < grey[2] > grey[3] > grey[4]
    assert painted[0, 2] > painted[0, 0]
    assert painted[4, 0] > painted[4, 2]


def test_numbers_beyond_the_scale_and_none_at_all() -> None:
    odd = np.array([np.nan, -np.inf, np.inf, 9.0, -9.0], dtype=np.float32)
    painted = colour_maps.sequential(odd, 1)
    np.testing.assert_array_equal(painted[[0, 1, 4]], np.broadcast_to(painted[0], (3, 3)))
    np.testing.assert_array_equal(painted[2], painted[3])
    np.testing.assert_array_equal(colour_maps.sequential(np.zeros(2), 0), colour_maps.sequential(np.zeros(2), 1))


def test_paint_takes_the_scale_that_the_numbers_need() -> None:
    positive, both = np.array([0.0, 1.0]), np.array([-1.0, 1.0])
    np.testing.assert_array_equal(colour_maps.paint(positive, 1), colour_maps.sequential(positive, 1))
    np.testing.assert_array_equal(colour_maps.paint(both, 1), colour_maps.diverging(both, 1))
