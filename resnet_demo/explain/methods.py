"""Ways to see where a network looked, one row each, and the one function that carries them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.explain import cam, gradients
from resnet_demo.explain.activations import Pass
from resnet_demo.explain.cam import Formula, Progress
from resnet_demo.explain.targets import Target, best
from resnet_demo.models.resnet import ResNet
from resnet_demo.texts import AppError, text


@dataclass(frozen=True)
class Method:
    """One way: `maps` turns a pass into maps (K, N, h, w).

    `layered`: it reads what leaves a layer, any layer; the others read the photo itself. `differentiable`: it asks the
    pass for gradients. `slow`: it takes hundreds of passes and tells how far it is.
    """

    name: str
    maps: Callable[[Pass, Progress], Tensor]
    layered: bool = True
    differentiable: bool = False
    slow: bool = False

    def say(self, language: str) -> str:
        """What it is called."""
        return text(f"explain.method.{self.name}", language)

    def about(self, language: str) -> str:
        """What it does, in a sentence."""
        return text(f"explain.about.{self.name}", language)


def _by_gradient(name: str, formula: Formula) -> Method:
    return Method(name, lambda run, _: cam.weigh(formula, run), differentiable=True)


def _by_pixel(name: str, attributions: Callable[[Pass, Progress], Tensor], slow: bool = True) -> Method:
    return Method(name, lambda *asked: gradients.magnitude(attributions(*asked)), layered=False, slow=slow)


METHODS = {
    method.name: method
    for method in (
        _by_gradient("gradcam", cam.gradcam),
        _by_gradient("gradcam++", cam.gradcam_plus_plus),
        _by_gradient("hirescam", cam.hirescam),
        _by_gradient("layercam", cam.layercam),
        _by_gradient("xgradcam", cam.xgradcam),
        Method("eigencam", cam.eigencam),
        Method("scorecam", cam.scorecam, slow=True),
        Method("ablationcam", cam.ablationcam, slow=True),
        _by_pixel("guidedbackprop", gradients.guided_backprop, slow=False),
        _by_pixel("smoothgrad", gradients.smoothgrad),
        _by_pixel("integratedgradients", gradients.integrated_gradients),
    )
}


def method_named(name: str) -> Method:
    """A row of the table.

    Raises:
        AppError: there is none of that name; the sentence gives the choices.
    """
    if name not in METHODS:
        raise AppError("explain.problem.unknown_method", name=name, choices=", ".join(METHODS))
    return METHODS[name]


@dataclass(frozen=True, eq=False)
class Maps:
    """Where a network looked: `values` (K, N, h, w) from 0 to 1 for K targets and N photos.

    1 is what speaks most for what was asked about, 0 what does not; a map that is 0 everywhere found nothing that does.
    `logits` (N, classes) is what the network answered, `wanted` (K, N, classes) what the targets made of it.
    """

    values: Tensor
    logits: Tensor
    wanted: Tensor


def explain(
    network: ResNet,
    images: Tensor,
    method: Method,
    layer: str | None = None,
    targets: Sequence[Target] = (best(),),
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Maps:
    """Maps for a batch; several targets cost one forward pass together.

    Args:
        network: in evaluation mode; it is left as it was.
        images: normalised (N, 3, H, W), on the network's device.
        method: a row of `METHODS`.
        layer: a stage or a block; the last stage if absent, and for methods that read no layer.
        targets: what is asked about.
        progress: told how far a slow method is; what it raises ends the work.

    Raises:
        AppError: there is no layer of that name.
    """
    last = network.stage_names[-1]
    chosen = layer if layer and method.layered else last
    run = Pass(network, images, chosen, targets, differentiable=method.differentiable)
    return Maps(_scaled(method.maps(run, progress)), run.logits, run.wanted)


def _scaled(maps: Tensor) -> Tensor:
    """Each map without what is below zero, and its largest value 1."""
    positive = maps.clamp(min=0)
    most = positive.amax(dim=(2, 3), keepdim=True)
    return positive / torch.where(most > 0, most, 1.0)
