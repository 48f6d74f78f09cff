"""Pictures that grow: their sizes, and the work counted by hand."""

from __future__ import annotations

import pytest

from resnet_demo.training import progressive_resizing


def test_picture_sizes_grow() -> None:
    assert [progressive_resizing.picture_size(epoch, 3, 128, 160) for epoch in range(3)] == [128, 144, 160]
    sizes = [progressive_resizing.picture_size(epoch, 50, 64, 128) for epoch in range(60)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 64
    assert set(sizes[40:]) == {128}
    assert progressive_resizing.picture_size(0, 1, 64, 128) == 128
    assert {progressive_resizing.picture_size(epoch, 9, 100, 100) for epoch in range(9)} == {100}


@pytest.mark.parametrize(("steps", "expected"), [(0, 0), (2, 2 / 4), (3, 3 / 4), (5, 3 / 4 + 2), (9, 3 / 4 + 3 + 3)])
def test_work_goes_with_the_pixels(steps: int, expected: float) -> None:
    """Two epochs of three steps, the first with half the pixels a side; a third was added."""
    assert progressive_resizing.full_size_steps(steps, 3, 2, 64, 128) == pytest.approx(expected)
