"""Loading of a state dict from an untrusted file into a network."""

from __future__ import annotations

import contextlib
import re
import warnings
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from resnet_demo.data.file_names import display_name
from resnet_demo.models import variants
from resnet_demo.models.cifar import blocks_per_stage
from resnet_demo.models.entries import check_file
from resnet_demo.models.layer_names import Found, Layers, find_layers
from resnet_demo.models.resnet import BLOCKS_PER_STAGE, ResNet
from resnet_demo.out_of_memory import is_out_of_memory
from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError

MAX_WEIGHT_BYTES = 2_000 * MEGABYTE
SHAPES_KEPT = 64
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
# Counters of batches: no answer depends on them, and old files lack them.
OPTIONAL = "num_batches_tracked"

_OBJECTS = re.compile(r"(?:Unsupported (?:global|class)|GLOBAL)\W*(?:GLOBAL )?([\w.]+)")
"""How torch names what a file holds beside plain values, which `weights_only` does not make."""
_SCRIPT = "TorchScript"
PICKLES = {b"\x80\x03", b"\x80\x04", b"\x80\x05"}
"""How pickles begin that `torch.save` did not write."""


def load_network(variant: str, classes: int, path: Path) -> ResNet:
    """Build a network with the weights of a `.pth` or `.safetensors` file: float32, in evaluation mode, on the CPU.

    The file may be in half precision. Nothing in it is executed: a pickle is read with `weights_only=True`.

    Raises:
        AppError: as in `read_file`, `layers_of` and `network_of`.
    """
    return network_of(variant, classes, layers_of(read_file(path), path).layers, path)


def read_file(path: Path) -> dict[str, Any]:
    """What a file of weights holds by name, read without executing anything; which kind it is says its content.

    Raises:
        AppError: it is damaged, no such file, or holds objects that only code could make.
    """
    check_file(path, MAX_WEIGHT_BYTES)
    try:
        with path.open("rb") as file:
            start = file.read(64)
            _refuse_other_kinds(start, path)
            if start[8:9] == b"{":
                content: Any = safetensors.torch.load_file(path)
            else:
                _refuse_expansion(file, path)
                file.seek(0)
                with warnings.catch_warnings():  # torch's advice to programmers on old and scripted files
                    warnings.simplefilter("ignore")
                    content = torch.load(file, map_location="cpu", weights_only=True)
    except AppError:
        raise
    except OSError as error:
        raise AppError("weights.problem.not_opened", file=path.name, reason=error.strerror or str(error)) from error
    except Exception as error:  # both readers raise all kinds of errors where a file is not what it should be
        if is_out_of_memory(error) and not _asks_too_much(error, path):
            raise
        raise _unreadable(error, path) from error
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise AppError("weights.problem.unreadable", file=path.name)
    # A plain dict: the metadata that torch hangs onto its own would make the counters required.
    return dict(content)


def layers_of(content: Mapping[str, Any], path: Path) -> Found:
    """The layers of the network in what `read_file` read; if none is found, all there is.

    Raises:
        AppError: several networks, or one with layers that are not understood.
    """
    found = find_layers(content, path.name)
    return Found(dict(content)) if found is None else found


def network_of(variant: str, classes: int, layers: Layers, path: Path) -> ResNet:
    """The network with these layers.

    Raises:
        AppError: they belong to another network, or hold numbers that are not finite.
    """
    network = variants.build(variant, classes)
    expected = network.state_dict()
    misfit = _misfit(layers, expected)
    if misfit is not None:
        raise AppError(
            "weights.problem.other_network", file=path.name, variant=variant, tensor=display_name(misfit)[:80]
        )
    network.load_state_dict(layers)
    if not all(torch.isfinite(tensor.sum()) for tensor in network.state_dict().values()):
        raise AppError("weights.problem.not_finite", file=path.name)
    return network.eval()


def classes_in(layers: Layers) -> int | None:
    """The number of classes of the last layer; None where it has none."""
    head = layers.get("fc.weight")
    return head.shape[0] if isinstance(head, Tensor) and head.dim() == 2 else None


def fitting_variants(layers: Layers) -> list[str]:
    """The variants whose layers have just these names and shapes; the head may have any number of classes."""
    classes = classes_in(layers)
    counts = _blocks_per_stage(layers)
    found = [one.name for one in variants.all_variants() if _published_blocks(one) == counts]
    fixed = {name: tensor for name, tensor in layers.items() if name != "fc.bias"}
    return [name for name in found if classes and _misfit(fixed, _shapes(name, classes)) is None]


def _published_blocks(variant: variants.Variant) -> list[int]:
    small = variant.input_size < variants.VARIANTS["resnet18"].input_size
    return list(blocks_per_stage(variant.depth) if small else BLOCKS_PER_STAGE[variant.depth])


def _blocks_per_stage(layers: Layers) -> list[int]:
    blocks = {(int(found[1]), int(found[2])) for name in layers if (found := re.match(r"layer(\d)\.(\d+)\.", name))}
    return [sum(stage == number for stage, _ in blocks) for number in sorted({stage for stage, _ in blocks})]


@lru_cache(SHAPES_KEPT)
def _shapes(variant: str, classes: int) -> dict[str, Tensor]:
    """The state dict of a variant without numbers and without the head's bias."""
    with torch.device("meta"), _Uninitialised():
        state = variants.build(variant, classes).state_dict()
    return {name: tensor for name, tensor in state.items() if name != "fc.bias"}


class _Uninitialised(TorchFunctionMode):
    """Leave out the initialisation of weights, which takes most of the time that a network takes to build."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in {"normal_", "uniform_", "fill_", "zero_"}:
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def _misfit(found: Layers, expected: Mapping[str, Tensor]) -> str | None:
    """The first name that is missing, superfluous, or of another shape or kind."""
    for key in {**expected, **found}:
        optional = key.endswith(OPTIONAL) and key in expected and key not in found
        if not optional and not _alike(found.get(key), expected.get(key)):
            return key
    return None


def _refuse_other_kinds(start: bytes, path: Path) -> None:
    """Name what is often taken for a file of weights."""
    if start[:2] in PICKLES:
        raise AppError("weights.problem.objects", file=path.name, names="pickle")
    for beginning, kind in {
        b"version https://git-lfs": "lfs",
        b"<!doctype": "web_page",
        b"<html": "web_page",
        b"\x89HDF": "keras",
    }.items():
        if start.lstrip().lower().startswith(beginning.lower()):
            raise AppError(f"weights.problem.is_{kind}", file=path.name)


def _refuse_expansion(file: BinaryIO, path: Path) -> None:
    """Refuse an archive whose contents unpack to more than any network takes."""
    with contextlib.suppress(zipfile.BadZipFile, NotImplementedError), zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_WEIGHT_BYTES:
            raise AppError("saved.problem.too_large", file=path.name, most=MAX_WEIGHT_BYTES // MEGABYTE)


def _asks_too_much(error: Exception, path: Path) -> bool:
    """Whether more was asked for than the file can hold: then it is damaged, and memory does not matter."""
    asked = re.search(r"tried to allocate (\d+) bytes", str(error))
    return asked is not None and int(asked[1]) > path.stat().st_size


def _unreadable(error: Exception, path: Path) -> AppError:
    said = str(error)
    objects = _OBJECTS.search(said)
    if objects or _SCRIPT in said:
        names = objects[1][:80] if objects else _SCRIPT
        return AppError("weights.problem.objects", file=path.name, names=names)
    return AppError("weights.problem.unreadable", file=path.name)


def _alike(found: object, expected: Tensor | None) -> bool:
    """Whether `found` is a dense tensor in memory of the expected shape and type."""
    if expected is None or not isinstance(found, Tensor) or found.shape != expected.shape:
        return False
    ordinary = found.layout is torch.strided and found.device.type == "cpu"
    same_kind = found.dtype in FLOATS if expected.is_floating_point() else found.dtype == expected.dtype
    return ordinary and same_kind
