"""Networks of the ResNet family and guests: depth, parameters and multiply-adds counted here, accuracy as published.

The guests are torchvision's; they stand for what came before, beside and after ResNet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
import torchvision
from torch import nn

from resnet_demo.labs import configs
from resnet_demo.labs.context import Figures, LabContext
from resnet_demo.models import variants
from resnet_demo.models.summary import layer_rows
from resnet_demo.texts import AppError

OWN = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "wide_resnet50_2",
    "res2net50_26w_4s",
)
"""Networks of `models.variants`."""
GUESTS: dict[str, tuple[int | None, int]] = {
    "alexnet": (8, 2012),
    "vgg16": (16, 2014),
    "googlenet": (22, 2014),
    "densenet121": (121, 2017),
    "efficientnet_b0": (None, 2019),
}
"""Networks of torchvision: the layers with weights that the paper counts, None if it counts none, and its year.

torchvision's AlexNet is the narrower one of Krizhevsky 2014, its GoogLeNet has batch norms.
"""
NAMES = (*OWN, *GUESTS)

RECORD = "IMAGENET1K_V1"
"""The weights whose accuracy is taken: those of the older recipe, which all of these have."""
TEN_CROP_ERROR = {"resnet18": 27.88, "resnet34": 25.03, "resnet50": 22.85, "resnet101": 21.75, "resnet152": 21.43}
"""Top-1 error in percent with 10 crops, He et al. 2015, tables 2 and 3."""
RES2NET_ERROR = 22.01
"""Top-1 error in percent of Res2Net-50 26w 4s, Gao et al. 2019, table 1; torchvision has no such network."""
PAPERS = {"res2net50_26w_4s": "Gao et al. 2019, table 1"}


@dataclass(frozen=True)
class FamilyMember:
    """A network: counted are the parameters, and the multiply-adds for one image; published is the accuracy.

    `accuracy` is top-1 on ImageNet's validation photos in percent, of one crop, as `source` has it; `ten_crop_accuracy`
    that of He et al. 2015 with ten crops. A guest is a network that is not of the ResNet family.
    """

    name: str
    year: int
    depth: int | None
    guest: bool
    parameters: int
    multiply_adds: int
    accuracy: float
    source: str
    ten_crop_accuracy: float | None = None


def family_member(name: str, size: int = 224) -> FamilyMember:
    """One of `NAMES`, counted for an image of `size` pixels a side; nothing is allocated.

    Raises:
        AppError: it is none of them.
    """
    with torch.device("meta"):
        rows = layer_rows(build(name).eval(), torch.empty(1, 3, size, size))
    depth, year = GUESTS[name] if name in GUESTS else _depth_and_year(name)
    accuracy, source = _published(name)
    error = TEN_CROP_ERROR.get(name)
    return FamilyMember(
        name,
        year,
        depth,
        guest=name in GUESTS,
        parameters=sum(row.parameters for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        accuracy=accuracy,
        source=source,
        ten_crop_accuracy=None if error is None else round(100 - error, 2),
    )


def build(name: str) -> nn.Module:
    """One of `NAMES` for ImageNet's 1,000 classes, on torch's current device, in training mode.

    Raises:
        AppError: it is none of them.
    """
    if name in OWN:
        return variants.build(name)
    if name not in GUESTS:
        raise AppError("lab.problem.no_member", name=name[:80], names=", ".join(NAMES))
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return network


def _depth_and_year(name: str) -> tuple[int, int]:
    variant = variants.get(name)
    return variant.depth, variant.paper.year


def _published(name: str) -> tuple[float, str]:
    """Top-1 accuracy in percent with one crop, and who publishes it."""
    if name in PAPERS:
        return round(100 - RES2NET_ERROR, 2), PAPERS[name]
    weights = torchvision.models.get_model_weights(name)[RECORD]
    accuracy = float(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"])
    assert math.isfinite(accuracy)
    return accuracy, f"torchvision {type(weights).__name__}.{RECORD}"


def run(config: configs.Family, context: LabContext) -> Iterator[Figures]:  # noqa: ARG001
    """The experiment `family`: all networks, one after the other."""
    members = []
    for name in NAMES:
        members.append(asdict(family_member(name, config.size)))
        yield {"torchvision": torchvision.__version__, "members": members}
