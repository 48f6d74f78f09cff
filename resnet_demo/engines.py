"""Ways to run one network quickly; which of them is used is measured, in `engine_choice`."""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from resnet_demo.data.preprocessing import ImageSpec
from resnet_demo.models.blocks import ResidualBlock
from resnet_demo.models.folding import fold_norms
from resnet_demo.models.resnet import ResNet

Engine = Callable[[Tensor], Tensor]
"""Normalised float32 pictures (N, 3, H, W), channels-last, on the device -> logits (N, classes), float32."""


@dataclass(frozen=True)
class Kind:
    """One way to run a network: how it is made, what that costs, and how much faster it must be to be worth it."""

    name: str
    make: Callable[[ResNet, ImageSpec, torch.device], Engine]
    possible: Callable[[torch.device], bool]
    start_seconds: float
    worth: float


def pick_device() -> torch.device:
    """The fastest kind of processor here: CUDA, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


class LowPrecisionConv(nn.Module):
    """A convolution that reads and multiplies in 16 bits; `keep` returns float32, for the sum of a block."""

    def __init__(self, conv: nn.Conv2d, dtype: torch.dtype, keep: bool) -> None:
        super().__init__()
        self.conv = conv.to(dtype)
        self.dtype = dtype
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) of any float type -> the convolution's output."""
        out: Tensor = self.conv(x.to(self.dtype))
        return out.float() if self.keep else out


def make_float32(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:  # noqa: ARG001
    """Channels-last with every batch norm folded into the convolution before it: the same function, less work."""
    folded = fold_norms(copy.deepcopy(network))
    return folded.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def make_mixed(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:
    """16-bit convolutions between float32 sums.

    On CUDA that is fp16 in every block. On a CPU bf16 has three binary digits fewer, and most of the damage is done
    early, where convolutions read the stream that the blocks add to: so stage 1 stays float32, and of stage 2 what
    reads the stream. Over 60 photos that moves ResNet-50's probabilities by at most 0.016; bf16 everywhere, 0.038.
    A plain network has no stream, and stays float32.
    """
    engine = make_float32(network, spec, device)
    assert isinstance(engine, ResNet)
    on_cuda = device.type == "cuda"
    for name, block in engine.blocks().items():
        stage = int(name.removeprefix("stage").split(".")[0])
        if isinstance(block, ResidualBlock) and (on_cuda or stage >= 2):
            _lower(block, torch.float16 if on_cuda else torch.bfloat16, reads_stream=on_cuda or stage >= 3)
    return engine


def _lower(module: nn.Module, dtype: torch.dtype, *, reads_stream: bool, keep: bool = False) -> None:
    """Lower the convolutions in a block; those that read its input only if `reads_stream`."""
    for name, child in module.named_children():
        if name in {"conv1", "downsample", "gate"} and not reads_stream:
            continue
        keep_child = keep or name in {"downsample", "gate"}
        if isinstance(child, nn.Conv2d):
            setattr(module, name, LowPrecisionConv(child, dtype, keep_child))
        else:
            _lower(child, dtype, reads_stream=reads_stream, keep=keep_child)


def make_compiled(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:
    """float32 through torch.compile, whose kernels join what follows a convolution to it."""
    engine = make_float32(network, spec, device)
    # Where CUDA's tools are but no GPU is, it would warn of that.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    return torch.compile(engine, dynamic=False)


def make_openvino(network: ResNet, spec: ImageSpec, device: torch.device) -> Engine:  # noqa: ARG001
    """float32 through OpenVINO, an optional package."""
    # Its converter would tell a web statistics service of every use; where this package is missing, it tells nobody.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

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


def _has_compiler(device: torch.device) -> bool:
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return device.type == "cpu" and any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++")))


FLOAT32 = Kind("float32", make_float32, lambda device: True, 0.0, 1.0)  # noqa: ARG005
KINDS = {
    kind.name: kind
    for kind in (
        FLOAT32,
        Kind("mixed", make_mixed, lambda device: device.type in {"cpu", "cuda"}, 0.5, 1.1),
        Kind(
            "openvino",
            make_openvino,
            lambda device: device.type == "cpu" and importlib.util.find_spec("openvino") is not None,
            5.0,
            1.3,
        ),
        Kind("compiled", make_compiled, _has_compiler, 40.0, 1.1),
    )
}
