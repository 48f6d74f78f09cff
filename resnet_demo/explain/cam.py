"""Class activation maps: weighted sums of a layer's channels that show the evidence for a class.

Each function turns a pass (N photos, K scores) into maps (K, N, h, w); negative values are evidence against.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.explain.activations import ForwardPass

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""

Formula = Callable[[Tensor, Tensor], Tensor]
"""Activations and their gradients, (N, C, h, w) each -> maps (N, h, w)."""

CHUNK = 32
"""Modified copies of a photo in one batch: enough to keep the processor busy, few enough for the memory."""


def weigh(formula: Formula, run: ForwardPass) -> Tensor:
    """The maps of a method that needs only activations and gradients."""
    return torch.stack([formula(run.activations, gradients) for gradients in run.gradients()])


def gradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each channel weighted by its mean gradient (Selvaraju et al. 2017, eqns. 1 and 2)."""
    return torch.einsum("nchw,nc->nhw", activations, gradients.mean(dim=(2, 3)))


def gradcam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each channel weighted by its positive gradients, more where they are few (Chattopadhay et al. 2018, eqn. 19)."""
    total = activations.sum(dim=(2, 3), keepdim=True)
    squares = gradients**2
    # The constant against division by zero is pytorch-grad-cam's: it damps gradients that are far below 0.001.
    alpha = squares / (2 * squares + total * gradients * squares + 1e-6)
    return torch.einsum("nchw,nc->nhw", activations, (gradients.clamp(min=0) * alpha).sum(dim=(2, 3)))


def hirescam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Activations times gradients, element by element (Draelos and Carin 2020)."""
    return (activations * gradients).sum(dim=1)


def layercam(activations: Tensor, gradients: Tensor) -> Tensor:
    """As HiResCAM, with positive gradients only (Jiang et al. 2021)."""
    return (activations * gradients.clamp(min=0)).sum(dim=1)


def xgradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each channel weighted by the mean of its gradients, weighted in turn by its activations (Fu et al. 2020)."""
    shares = activations / (activations.sum(dim=(2, 3), keepdim=True) + 1e-7)
    return torch.einsum("nchw,nc->nhw", activations, (gradients * shares).sum(dim=(2, 3)))


def eigencam(run: ForwardPass, progress: Progress) -> Tensor:  # noqa: ARG001
    """The first principal component of the activations, whatever the target (Muhammad and Yeasin 2020, section 3).

    Each channel is centred over the photo. The sign of the component is arbitrary; here it is chosen so that the map
    grows with the norm of the activations.
    """
    n, channels, height, width = run.activations.shape
    places = run.activations.reshape(n, channels, height * width).transpose(1, 2)
    centred = places - places.mean(dim=1, keepdim=True)
    left, strengths, _ = torch.linalg.svd(centred, full_matrices=False)
    component = left[:, :, 0] * strengths[:, :1]
    agreement = (component * places.norm(dim=2)).sum(dim=1, keepdim=True)
    maps = torch.where(agreement < 0, -component, component).reshape(n, height, width)
    return maps.expand(len(run.target_weights), -1, -1, -1)


@torch.no_grad()
def scorecam(run: ForwardPass, progress: Progress) -> Tensor:
    """Each channel weighted by the score of the photo masked with it (Wang et al. 2020).

    The mask is the channel upsampled to the photo and scaled to 0 … 1; the weights are the softmax of the scores over
    the channels. One forward pass for each channel.
    """

    def masked(photo: int, channels: slice) -> Tensor:
        activations = run.activations[photo : photo + 1, channels]
        masks = F.interpolate(activations, run.images.shape[-2:], mode="bilinear", align_corners=True)[0]
        low, high = masks.amin(dim=(1, 2), keepdim=True), masks.amax(dim=(1, 2), keepdim=True)
        logits: Tensor = run.network(run.images[photo] * ((masks - low) / (high - low + 1e-8))[:, None])
        return logits

    return _by_channel(run, _channel_scores(run, masked, progress).softmax(dim=2))


@torch.no_grad()
def ablationcam(run: ForwardPass, progress: Progress) -> Tensor:
    """Each channel weighted by the drop in the score without it (Desai and Ramaswamy 2020).

    One pass through the rest of the network for each channel; after the last stage the drop follows from the weights.
    The paper divides the drop by the score, which only scales the map, and flips its sign where the score is negative;
    that is left out here.
    """
    if run.linear:
        return _by_channel(run, run.linear_gradients() * run.activations.sum(dim=(2, 3)))

    def without(photo: int, channels: slice) -> Tensor:
        left_out = torch.arange(*channels.indices(run.activations.shape[1]), device=run.activations.device)
        features = run.activations[photo].repeat(len(left_out), 1, 1, 1)
        features[torch.arange(len(left_out)), left_out] = 0
        return run.network.forward_from(run.layer, features)

    whole = (run.target_weights * run.logits).sum(dim=2)
    return _by_channel(run, whole[:, :, None] - _channel_scores(run, without, progress))


def _by_channel(run: ForwardPass, weights: Tensor) -> Tensor:
    """Channels summed with weights (K, N, C)."""
    return torch.einsum("nchw,knc->knhw", run.activations, weights)


def _channel_scores(run: ForwardPass, changed: Callable[[int, slice], Tensor], progress: Progress) -> Tensor:
    """The scores (K, N, C) of photos that are modified for one channel at a time.

    `changed` returns the logits (channels, classes) of one photo, modified for each of some channels.
    """
    photos, channels = run.activations.shape[:2]
    chunks = [slice(first, min(first + CHUNK, channels)) for first in range(0, channels, CHUNK)]
    scores = torch.empty(len(run.target_weights), photos, channels, device=run.activations.device)
    for photo in range(photos):
        for number, chunk in enumerate(chunks):
            progress(photo * len(chunks) + number, photos * len(chunks))
            scores[:, photo, chunk] = run.target_weights[:, photo] @ changed(photo, chunk).T
    progress(photos * len(chunks), photos * len(chunks))
    return scores
