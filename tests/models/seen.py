"""Networks whose norms have seen some data, so that a mistake with them shows in what they answer."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models import variants
from resnet_demo.models.model import Model
from tests.tiny import LABELS, tiny_model


def trained(variant: str, pixels: int = 64) -> Model:
    """Five classes, and norms that have seen some data."""
    torch.manual_seed(0)
    network = variants.build(variant, len(LABELS))
    with torch.no_grad():
        network(torch.randn(4, 3, pixels, pixels))
    spec = ImageSpec(crop_size=pixels, resize_size=pixels + 9, interpolation="bicubic")
    return replace(tiny_model(), variant=variant, network=network.eval(), spec=spec)


def logits(network: nn.Module, pixels: int = 64) -> Tensor:
    with torch.no_grad():
        return network(torch.randn(2, 3, pixels, pixels, generator=torch.Generator().manual_seed(1)))
