"""The layers of one ResNet among all that a file of weights holds, brought to the names that torchvision and we use.

Only names and shapes are looked at. What lies where, and what is called how, is found and not guessed: whatever could
change the network's answers and is not understood is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from resnet_demo.data.file_names import display_name
from resnet_demo.texts import AppError

Layers = dict[str, Any]

MOST_NESTED = 4
MOST_NAMES = 4
WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of names that torch.compile, FSDP and activation checkpointing add anywhere; they compute nothing."""
COUNTED = {"total_ops", "total_params", "n_averaged"}
"""What profilers (thop) and `AveragedModel` add to a network; nothing is computed with it."""
AVERAGED = re.compile(r"(^|_)(ema|swa|averaged|average)(_|$)")
"""A part of a name that tells a moving average of the weights."""
HEADS = {"fc", "classifier", "head", "linear", "last_linear", "cls", "logits", "output", "out"}
"""What programs call a last layer."""
HARMLESS = re.compile(r"(^|[._])(loss|losses|criterion|class_weights?|metrics?|acc|accuracy|auroc|f1)([._]|$|\d)")
"""Parts of names that belong to a training and not to the network's answers."""

_STEMS = ("conv1.weight", "0.weight", "embedder.embedder.convolution.weight")
_FIRST_BLOCKS = ("layer1.0.conv1.weight", "4.0.conv1.weight", "encoder.stages.0.layers.0.layer.0.convolution.weight")
_CHILDREN = {"0": "conv1", "1": "bn1", **{str(3 + stage): f"layer{stage}" for stage in (1, 2, 3, 4)}, "9": "fc"}
"""torchvision's layers by their place in `nn.Sequential(*resnet.children())`; the others have no weights."""


@dataclass(frozen=True)
class Found:
    """The layers of one network; `place` is the name that all of them had in front, `unread` the places of others.

    `head` is what its last layer is called in the file, None if it has none.
    """

    layers: Layers
    place: str = ""
    head: str | None = "fc"
    unread: tuple[str, ...] = ()


def find_layers(content: Mapping[str, Any], file: str) -> Found | None:
    """The one network in a file, or of a network and its moving average the former; None if there is none.

    Args:
        content: what the file holds: a state dict, or one somewhere inside.
        file: the file's name, for messages.

    Raises:
        AppError: several networks, or layers around the network that could change its answers.
    """
    found = [(f"{path}{prefix}", names, prefix) for path, names in _state_dicts(content) for prefix in _prefixes(names)]
    plain = [one for one in found if not _is_average(one[0])]
    chosen = plain or found
    if not chosen:
        return None
    if len(chosen) > 1:
        places = {place.strip(".") or file: None for place, _, _ in chosen}
        raise AppError("weights.problem.several", file=file, places=_listed(places))
    place, names, prefix = chosen[0]
    others = tuple(other for _, these, other in found if these is names and not prefix.startswith(other))
    unread = tuple(display_name(other.strip(".")) for other, _, _ in found if other != place)
    own = {name: value for name, value in names.items() if not name.startswith(others)}
    layers = {name.removeprefix(prefix): value for name, value in own.items() if name.startswith(prefix)}
    around = {name: value for name, value in own.items() if not name.startswith(prefix)}
    return _with_head(_renamed(layers), around, Found({}, place, unread=unread), file)


def _state_dicts(content: Mapping[str, Any]) -> Iterator[tuple[str, Layers]]:
    """Every mapping from names to tensors in the file, once, with the names of those around it; wrappers left out."""
    seen, left = {id(content)}, [("", content, 0)]
    while left:
        path, mapping, depth = left.pop(0)
        named = {key: value for key, value in mapping.items() if isinstance(key, str)}
        if any(isinstance(value, Tensor) for value in named.values()):
            yield path, _unwrapped(named)
        for name, value in named.items():
            if isinstance(value, Mapping) and id(value) not in seen and depth < MOST_NESTED:
                seen.add(id(value))
                left.append((f"{path}{name}.", value, depth + 1))


def _unwrapped(content: Mapping[str, Any]) -> Layers:
    names: Layers = {}
    for key, value in content.items():
        parts = [part for part in key.split(".") if part not in WRAPPERS]
        if parts and parts[-1] not in COUNTED:
            name = ".".join(parts)
            names[key if name in names else name] = value
    return names


def _prefixes(names: Layers) -> list[str]:
    """What stands in front of a network's layers, for each network in a state dict."""
    found: dict[str, None] = {}
    for stem, block in zip(_STEMS, _FIRST_BLOCKS, strict=True):
        for name in names:
            prefix = name.removesuffix(stem)
            whole = prefix != name and (not prefix or prefix.endswith("."))
            if whole and prefix + block in names and _dimensions(names[name]) == 4:
                outer = prefix.removesuffix("resnet.") if stem == _STEMS[2] else prefix  # the head lies beside `resnet`
                found[outer] = None
    return list(found)


def _is_average(place: str) -> bool:
    return any(AVERAGED.search(part) for part in place.split("."))


def _renamed(layers: Layers) -> Layers:
    if any(name.endswith(_STEMS[2]) for name in layers):
        return {_from_transformers(name): value for name, value in layers.items()}
    if "0.weight" in layers and "conv1.weight" not in layers:
        parts = {name: name.partition(".") for name in layers}
        return {_CHILDREN.get(part[0], part[0]) + part[1] + part[2]: layers[name] for name, part in parts.items()}
    return layers


def _from_transformers(name: str) -> str:
    """torchvision's name for one of transformers' `ResNetForImageClassification`.

    >>> _from_transformers("resnet.encoder.stages.2.layers.1.layer.0.normalization.bias")
    'layer3.1.bn1.bias'
    """
    name = name.removeprefix("resnet.")
    name = re.sub(r"^embedder\.embedder\.convolution\.", "conv1.", name)
    name = re.sub(r"^embedder\.embedder\.normalization\.", "bn1.", name)
    name = re.sub(r"^classifier\.1\.", "fc.", name)
    found = re.match(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.(?:layer\.(\d+)|shortcut)\.(convolution|norm\w+)\.", name)
    if found is None:
        return name
    stage, block, layer, kind = found.groups()
    if layer is None:
        part = f"downsample.{0 if kind == 'convolution' else 1}"
    else:
        part = f"{'conv' if kind == 'convolution' else 'bn'}{int(layer) + 1}"
    return f"layer{int(stage) + 1}.{block}.{part}.{name[found.end() :]}"


def _with_head(layers: Layers, around: Layers, found: Found, file: str) -> Found:
    """The network with its last layer as `fc`, which may be called otherwise, or lie in a Sequential or beside it."""
    body = {name: value for name, value in layers.items() if re.match(r"(conv1|bn1|norm|layer\d+)\.", name)}
    inner = {name: value for name, value in layers.items() if name not in body}
    strange = {name: value for name, value in around.items() if not _harmless(name, value)}
    if "fc.weight" in inner:
        if strange:
            raise AppError("weights.problem.more_layers", file=file, layers=_listed(strange))
        return Found(layers, found.place, "fc", found.unread)
    head = {**inner, **strange}
    if not head:
        return Found(layers, found.place, None, found.unread)
    [*stems] = {name.rpartition(".")[0] for name in head}
    named = len(stems) == 1 and {part for part in stems[0].split(".") if not part.isdecimal()}
    weight, bias = (head.get(f"{stems[0]}.{part}") for part in ("weight", "bias"))
    linear = len(head) == 2 and _dimensions(weight) == 2 and _dimensions(bias) == 1
    if not named or not linear or not HEADS & named:
        raise AppError("weights.problem.head", file=file, layers=_listed(head))
    return Found({**body, "fc.weight": weight, "fc.bias": bias}, found.place, stems[0], found.unread)


def _harmless(name: str, value: object) -> bool:
    """Whether an entry beside the network cannot take part in its answers: counters, the loss's class weights."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return True
    return value.dim() <= 1 and HARMLESS.search(name) is not None


def _dimensions(value: object) -> int | None:
    return value.dim() if isinstance(value, Tensor) else None


def _listed(names: Mapping[str, Any]) -> str:
    told = sorted(names)
    return ", ".join(display_name(name)[:80] for name in told[:MOST_NAMES]) + (", …" if len(told) > MOST_NAMES else "")
