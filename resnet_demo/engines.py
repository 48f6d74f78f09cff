"""The register of engines, which are ways to run a network; `engine_choice` measures which one to use.

Imports no torch until an engine is made, so that the command line can list them early.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_demo.data.preprocessing import ImageSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from resnet_demo.models.resnet import ResNet

Engine = Callable[["Tensor"], "Tensor"]
"""Normalised float32 pictures (N, 3, H, W), channels-last, on the device -> logits (N, classes), float32."""


@dataclass(frozen=True)
class EngineKind:
    """One engine: how it is made, where it runs, its start time, and the speedup from which on it is used.

    `only_full_batches`: it runs one number of photos alone, so that smaller batches are filled up.
    """

    name: str
    make: Callable[[ResNet, ImageSpec, torch.device], Engine]
    is_available: Callable[[torch.device], bool]
    start_seconds: float
    min_speedup: float
    only_full_batches: bool = False


def pick_device() -> torch.device:
    """The fastest device here: CUDA, then Apple's MPS, then the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def make_float32(network: ResNet, spec: ImageSpec, device: torch.device) -> ResNet:  # noqa: ARG001
    """float32, channels-last, with batch norms folded into the convolutions before them."""
    import torch

    from resnet_demo.models.batch_norm_folding import fold_norms

    folded = fold_norms(copy.deepcopy(network))
    return folded.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def make_mixed(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:
    """16-bit convolutions with float32 sums."""
    from resnet_demo.models.low_precision import lower_precision

    engine = make_float32(network, spec, device)
    lower_precision(engine, device)
    return engine


def make_compiled(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:
    """float32 with torch.compile, which fuses operations; compiled for one shape."""
    import torch

    engine = make_float32(network, spec, device)
    # Where CUDA's tools are but no GPU is, it would warn of that.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    return torch.compile(engine, dynamic=False)


def make_openvino(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:  # noqa: ARG001
    """float32 with OpenVINO, an optional package."""
    # Its converter would tell a web statistics service of every use; where this package is missing, it tells nobody.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino
    import torch

    example = torch.zeros(2, 3, spec.crop_size, spec.crop_size)
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(copy.deepcopy(network).eval(), (example,), dynamic_shapes=({0: batch},))
    compiled = openvino.Core().compile_model(
        openvino.convert_model(program),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        },
    )

    def run(pictures: Tensor) -> Tensor:
        return torch.from_numpy(compiled(pictures.contiguous().numpy())[0])

    return run


def _has_openvino(device: torch.device) -> bool:
    return device.type == "cpu" and importlib.util.find_spec("openvino") is not None


def _has_compiler(device: torch.device) -> bool:
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return device.type == "cpu" and any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++")))


FLOAT32 = EngineKind("float32", make_float32, lambda device: True, start_seconds=0.0, min_speedup=1.0)  # noqa: ARG005
ENGINE_KINDS = {
    kind.name: kind
    for kind in (
        FLOAT32,
        EngineKind("mixed", make_mixed, lambda device: device.type in {"cpu", "cuda"}, 0.5, 1.1),
        EngineKind("openvino", make_openvino, _has_openvino, 5.0, 1.3),
        EngineKind("compiled", make_compiled, _has_compiler, 40.0, 1.1, only_full_batches=True),
    )
}
"""Every engine by its name; the command line's choices and the choice of the fastest come from here."""
