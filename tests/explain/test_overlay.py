"""A map over the photo: against torch's interpolation, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from resnet_demo.data.preprocessing import ImageSpec, fit, seen_box
from resnet_demo.explain.overlay import overlay_map, upsample

MAP = np.random.default_rng(0).random((7, 7), dtype=np.float32)


def test_over_the_whole_photo_it_is_torchs_bilinear_interpolation() -> None:
    placed = upsample(MAP, (91, 63), (0, 0, 91, 63))
    expected = F.interpolate(torch.from_numpy(MAP)[None, None], (63, 91), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(placed, expected[0, 0].numpy(), atol=1e-5)
    assert placed.dtype == np.float32


def test_inside_the_box_alone() -> None:
    placed = upsample(MAP, (60, 50), (10, 5, 45, 40))
    expected = F.interpolate(torch.from_numpy(MAP)[None, None], (35, 35), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(placed[5:40, 10:45], expected[0, 0].numpy(), atol=1e-5)
    placed[5:40, 10:45] = 0
    assert not placed.any()


@pytest.mark.parametrize("size", [(400, 300), (300, 420), (33, 500)])
def test_what_the_network_saw_lies_where_it_was(size: tuple[int, int]) -> None:
    """A photo goes through the network's own crop; the crop, as a map, comes back to its place."""
    across = np.broadcast_to(np.linspace(0, 255, size[0]), size[::-1])
    down = np.broadcast_to(np.linspace(0, 255, size[1])[:, None], size[::-1])
    photo = np.stack([across, down, across], axis=2).astype(np.uint8)
    spec = ImageSpec(crop_size=112, resize_size=128)
    left, top, right, bottom = seen = seen_box(size, spec, "crop")
    pixels = fit(Image.fromarray(photo), spec, "crop").astype(np.float32)
    inside = np.s_[int(np.ceil(top)) + 4 : int(bottom) - 4, int(np.ceil(left)) + 4 : int(right) - 4]
    for channel in (0, 1):
        placed = upsample(pixels[..., channel], size, seen)
        assert np.abs(placed - photo[..., channel])[inside].max() < 6


def test_colours_over_the_photo() -> None:
    photo = Image.new("RGB", (40, 30), (10, 200, 10))
    values = np.zeros((3, 3), dtype=np.float32)
    values[1, 1] = 5
    # The original is twice as large as this photo, which was decoded at half its scale.
    over = overlay_map(photo, (80, 60), (10, 0, 70, 60), values, opacity=0.5)
    assert over.shape == (30, 40, 3)
    assert over[:, :5].tolist() == np.asarray(photo)[:, :5].tolist()
    assert over[0, 5, :2].tolist() == [5, 100]  # half the photo, half of nearly black, the colour of zero
    assert over[15, 20, 0] > 120
    untouched = overlay_map(photo, (80, 60), (10, 0, 70, 60), values, opacity=0)
    np.testing.assert_array_equal(untouched, np.asarray(photo))
