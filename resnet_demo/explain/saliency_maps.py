"""Saliency maps of a batch: the one function that runs a method on a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.explain.activations import ForwardPass
from resnet_demo.explain.cam import Progress
from resnet_demo.explain.methods import Method
from resnet_demo.explain.targets import Target, best
from resnet_demo.models.resnet import ResNet


@dataclass(frozen=True, eq=False)
class Maps:
    """Saliency maps: `values` (K, N, h, w) from 0 to 1 for K targets and N photos.

    1 is the strongest evidence for the target, 0 none; a map that is 0 everywhere has found none. `logits` (N, classes)
    are the network's, `target_weights` (K, N, classes) the weight of each logit in the score that a map explains.
    """

    values: Tensor
    logits: Tensor
    target_weights: Tensor


def explain(
    network: ResNet,
    images: Tensor,
    method: Method,
    layer: str | None = None,
    targets: Sequence[Target] = (best(),),
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Maps:
    """Maps for a batch; several targets share one forward pass.

    Args:
        network: in evaluation mode; it is not changed.
        images: normalised (N, 3, H, W), on the network's device.
        method: a row of `METHODS`.
        layer: a stage or a block; the last stage if absent, and for methods that work on the input pixels.
        targets: what the maps explain.
        progress: called with the progress of a slow method; an exception it raises ends the work.

    Raises:
        AppError: there is no layer of this name.
    """
    last = network.stage_names[-1]
    chosen = layer if layer and method.layered else last
    run = ForwardPass(network, images, chosen, targets, differentiable=method.differentiable)
    return Maps(_scaled(method.maps(run, progress)), run.logits, run.target_weights)


def _scaled(maps: Tensor) -> Tensor:
    """Each map with negative values set to zero, scaled to a largest value of 1."""
    positive = maps.clamp(min=0)
    most = positive.amax(dim=(2, 3), keepdim=True)
    return positive / torch.where(most > 0, most, 1.0)
