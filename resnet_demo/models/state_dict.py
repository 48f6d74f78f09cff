"""Loading of a state dict from an untrusted file into a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from resnet_demo.models import variants
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError

FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
# Counters of batches: no answer depends on them, and old files lack them.
OPTIONAL = "num_batches_tracked"


def load_network(variant: str, classes: int, path: Path) -> ResNet:
    """Build a network with the weights of a `.pth` or `.safetensors` file: float32, in evaluation mode, on the CPU.

    The file may be in half precision. Nothing in it is executed: a pickle is read with `weights_only=True`.

    Raises:
        AppError: the file is damaged, belongs to another network, or holds numbers that are not finite.
    """
    tensors = _read(path)
    network = variants.build(variant, classes)
    expected = network.state_dict()
    for key in {**expected, **tensors}:
        optional = key.endswith(OPTIONAL) and key in expected and key not in tensors
        if not optional and not _alike(tensors.get(key), expected.get(key)):
            raise AppError("weights.problem.other_network", file=path.name, variant=variant, tensor=key[:80])
    network.load_state_dict(tensors)
    if not all(torch.isfinite(tensor.sum()) for tensor in network.state_dict().values()):
        raise AppError("weights.problem.not_finite", file=path.name)
    return network.eval()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            tensors: Any = safetensors.torch.load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise all kinds of errors where a file is not what it should be
        raise AppError("weights.problem.unreadable", file=path.name) from error
    if not isinstance(tensors, Mapping) or not all(isinstance(key, str) for key in tensors):
        raise AppError("weights.problem.unreadable", file=path.name)
    # A plain dict: the metadata that torch hangs onto its own would make the counters required.
    return dict(tensors)


def _alike(found: object, expected: Tensor | None) -> bool:
    """Whether `found` is a dense CPU tensor of the expected shape and type."""
    if expected is None or not isinstance(found, Tensor) or found.shape != expected.shape:
        return False
    ordinary = found.layout is torch.strided and found.device.type == "cpu"
    same_kind = found.dtype in FLOATS if expected.is_floating_point() else found.dtype == expected.dtype
    return ordinary and same_kind
