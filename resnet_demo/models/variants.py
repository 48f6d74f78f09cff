"""The register of networks: name, published figures, and how to build each.

Imports no torch, so that the page and the command line can list the networks before torch is loaded.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_demo.models.families import FAMILIES
from resnet_demo.texts import AppError

if TYPE_CHECKING:
    from resnet_demo.models.resnet import ResNet


@dataclass(frozen=True)
class Paper:
    """Where a network was first described."""

    authors: str
    year: int
    title: str
    arxiv: str


@dataclass(frozen=True)
class Variant:
    """One network: the parameters of its layers, and its published figures; `family` is a name in `FAMILIES`.

    The published figures are for `classes` classes and one image of `input_size` pixels a side, in the digits
    they were published with; multiply-adds are those of convolutions and linear layers. None: not published.
    """

    name: str
    family: str
    depth: int
    paper: Paper
    published_parameters: int | None = None
    published_multiply_adds: int | None = None
    classes: int = 1000
    input_size: int = 224
    groups: int = 1
    width_per_group: int = 64
    scale: int = 1

    @property
    def timm_name(self) -> str | None:
        """timm's name of the same network, with the same keys and outputs; None if timm does not have it."""
        return self.name if FAMILIES[self.family].in_timm else None


def all_variants() -> tuple[Variant, ...]:
    """All networks, by family and depth."""
    return tuple(VARIANTS.values())


def get(name: str) -> Variant:
    """The network of this name.

    Raises:
        AppError: there is no such network; the message gives the nearest names.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    nearest = difflib.get_close_matches(name, VARIANTS, n=3, cutoff=0)
    raise AppError("models.unknown_variant", name=name, nearest=", ".join(nearest))


def all_names() -> str:
    """All names; those that differ only in depth as `resnet18/34/50`."""
    depths: dict[str, list[str]] = {}
    for variant in all_variants():
        depth = str(variant.depth)
        stem = variant.name.removesuffix(depth)
        depths.setdefault(stem, []).append("" if stem == variant.name else depth)
    return ", ".join(stem + "/".join(endings) for stem, endings in depths.items())


def build(name: str, classes: int | None = None) -> ResNet:
    """The network with fresh weights, from torch's current random state, in training mode.

    Args:
        name: as in `get`.
        classes: how many logits; as published if absent.

    Raises:
        AppError: there is no such network.
    """
    variant = get(name)
    classes = variant.classes if classes is None else classes
    return FAMILIES[variant.family].build(variant, classes)


_RESNET = Paper("He et al.", 2016, "Deep Residual Learning for Image Recognition", "1512.03385")
_PREACTIVATION = Paper("He et al.", 2016, "Identity Mappings in Deep Residual Networks", "1603.05027")
_RESNEXT = Paper("Xie et al.", 2017, "Aggregated Residual Transformations for Deep Neural Networks", "1611.05431")
_WIDE_RESNET = Paper("Zagoruyko and Komodakis", 2016, "Wide Residual Networks", "1605.07146")
_RES2NET = Paper("Gao et al.", 2019, "Res2Net: A New Multi-scale Backbone Architecture", "1904.01169")
_HIGHWAY = Paper("Srivastava et al.", 2015, "Highway Networks", "1505.00387")


# Of torchvision's networks the figures in its weights' records, of all others those in the papers.
_IMAGENET = (
    Variant("resnet18", "resnet", 18, _RESNET, 11_689_512, 1_814_000_000),
    Variant("resnet34", "resnet", 34, _RESNET, 21_797_672, 3_664_000_000),
    Variant("resnet50", "resnet", 50, _RESNET, 25_557_032, 4_089_000_000),
    Variant("resnet101", "resnet", 101, _RESNET, 44_549_160, 7_801_000_000),
    Variant("resnet152", "resnet", 152, _RESNET, 60_192_808, 11_514_000_000),
    Variant("resnext50_32x4d", "resnext", 50, _RESNEXT, 25_028_904, 4_230_000_000, groups=32, width_per_group=4),
    Variant("resnext101_32x8d", "resnext", 101, _RESNEXT, 88_791_336, 16_414_000_000, groups=32, width_per_group=8),
    Variant("resnext101_64x4d", "resnext", 101, _RESNEXT, 83_455_272, 15_460_000_000, groups=64, width_per_group=4),
    Variant("wide_resnet50_2", "wide_resnet", 50, _WIDE_RESNET, 68_883_240, 11_398_000_000, width_per_group=128),
    Variant("wide_resnet101_2", "wide_resnet", 101, _WIDE_RESNET, 126_886_696, 22_753_000_000, width_per_group=128),
    Variant("resnet50_stride1x1", "resnet_stride1x1", 50, _RESNET, None, 3_800_000_000),
    Variant("resnet101_stride1x1", "resnet_stride1x1", 101, _RESNET, None, 7_600_000_000),
    Variant("resnet152_stride1x1", "resnet_stride1x1", 152, _RESNET, None, 11_300_000_000),
    Variant("res2net50_26w_4s", "res2net", 50, _RES2NET, 25_700_000, 4_200_000_000, width_per_group=26, scale=4),
    *(Variant(f"preact_resnet{depth}", "preact_resnet", depth, _PREACTIVATION) for depth in (18, 34, 50, 101, 152)),
    *(Variant(f"highway{depth}", "highway", depth, _HIGHWAY) for depth in (18, 34)),
    Variant("plain18", "plain", 18, _RESNET, None, 1_800_000_000),
    Variant("plain34", "plain", 34, _RESNET, None, 3_600_000_000),
)
_CIFAR_PARAMETERS = {20: 270_000, 32: 460_000, 44: 660_000, 56: 850_000, 110: 1_700_000}


def _cifar(family: str, paper: Paper, depth: int, parameters: int | None) -> Variant:
    return Variant(f"{family}{depth}", family, depth, paper, parameters, classes=10, input_size=32)


VARIANTS = {
    variant.name: variant
    for variant in (
        *_IMAGENET,
        *(_cifar("cifar_resnet", _RESNET, depth, count) for depth, count in _CIFAR_PARAMETERS.items()),
        *(_cifar("cifar_plain", _RESNET, depth, count) for depth, count in _CIFAR_PARAMETERS.items()),
        *(_cifar("cifar_preact_resnet", _PREACTIVATION, depth, None) for depth in _CIFAR_PARAMETERS),
    )
}
"""Every network by its name; all lists of networks come from here."""
