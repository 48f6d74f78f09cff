"""Class activation maps: ways to add up the channels that leave a layer, so that what speaks for a class is left.

Each turns a pass (N photos, K scores) into maps (K, N, h, w), below zero where something speaks against.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_demo.explain.activations import Pass

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all)."""

Formula = Callable[[Tensor, Tensor], Tensor]
"""Activations and their gradients, (N, C, h, w) each -> maps (N, h, w)."""

CHUNK = 32
"""Changed copies of a photo that run at a time: enough to keep the processor busy, few enough for the memory."""


def weigh(formula: Formula, run: Pass) -> Tensor:
    """The maps of a method that needs activations and gradients alone."""
    return torch.stack([formula(run.activations, gradients) for gradients in run.gradients()])


def gradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each channel counts as much as its mean gradient (Selvaraju et al. 2017, eqns. 1 and 2)."""
    return torch.einsum("nchw,nc->nhw", activations, gradients.mean(dim=(2, 3)))


def gradcam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each channel counts by its positive gradients, more where they are few (Chattopadhay et al. 2018, eqn. 19)."""
    total = activations.sum(dim=(2, 3), keepdim=True)
    squares = gradients**2
    # The constant against division by zero is pytorch-grad-cam's: it damps gradients that are far below 0.001.
    alpha = squares / (2 * squares + total * gradients * squares + 1e-6)
    return torch.einsum("nchw,nc->nhw", activations, (gradients.clamp(min=0) * alpha).sum(dim=(2, 3)))


def hirescam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each place of a channel counts as much as the gradient right there (Draelos and Carin 2020)."""
    return (activations * gradients).sum(dim=1)


def layercam(activations: Tensor, gradients: Tensor) -> Tensor:
    """As HiResCAM, positive gradients only (Jiang et al. 2021)."""
    return (activations * gradients.clamp(min=0)).sum(dim=1)


def xgradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Each channel's gradient, averaged with its activations as weights (Fu et al. 2020)."""
    shares = activations / (activations.sum(dim=(2, 3), keepdim=True) + 1e-7)
    return torch.einsum("nchw,nc->nhw", activations, (gradients * shares).sum(dim=(2, 3)))


def eigencam(run: Pass, progress: Progress) -> Tensor:  # noqa: ARG001
    """What most of all tells the places apart, whatever class is asked about (Muhammad and Yeasin 2020, section 3).

    The first principal component of the channels, each with its mean over the photo taken away. Its sign is arbitrary:
    here the map grows with the strength of the activations.
    """
    n, channels, height, width = run.activations.shape
    places = run.activations.reshape(n, channels, height * width).transpose(1, 2)
    centred = places - places.mean(dim=1, keepdim=True)
    left, strengths, _ = torch.linalg.svd(centred, full_matrices=False)
    component = left[:, :, 0] * strengths[:, :1]
    agreement = (component * places.norm(dim=2)).sum(dim=1, keepdim=True)
    maps = torch.where(agreement < 0, -component, component).reshape(n, height, width)
    return maps.expand(len(run.wanted), -1, -1, -1)


@torch.no_grad()
def scorecam(run: Pass, progress: Progress) -> Tensor:
    """Each channel counts as the score does when it alone decides what is left of the photo (Wang et al. 2020).

    The channel, stretched over the photo from corner to corner and scaled to 0 … 1, is the mask; the scores, through a
    softmax over the channels, are the weights. One forward pass for each channel.
    """

    def masked(photo: int, channels: slice) -> Tensor:
        activations = run.activations[photo : photo + 1, channels]
        masks = F.interpolate(activations, run.images.shape[-2:], mode="bilinear", align_corners=True)[0]
        low, high = masks.amin(dim=(1, 2), keepdim=True), masks.amax(dim=(1, 2), keepdim=True)
        logits: Tensor = run.network(run.images[photo] * ((masks - low) / (high - low + 1e-8))[:, None])
        return logits

    return _by_channel(run, _channel_scores(run, masked, progress).softmax(dim=2))


@torch.no_grad()
def ablationcam(run: Pass, progress: Progress) -> Tensor:
    """Each channel counts as much as the score falls without it (Desai and Ramaswamy 2020).

    One pass through the rest of the network for each channel; behind the last stage the fall is known without. The
    paper divides by the score, which scales the map, and where the score is below zero turns it round; not so here.
    """
    if run.linear:
        return _by_channel(run, run.linear_gradients() * run.activations.sum(dim=(2, 3)))

    def without(photo: int, channels: slice) -> Tensor:
        left_out = torch.arange(*channels.indices(run.activations.shape[1]), device=run.activations.device)
        features = run.activations[photo].repeat(len(left_out), 1, 1, 1)
        features[torch.arange(len(left_out)), left_out] = 0
        return run.network.forward_from(run.layer, features)

    whole = (run.wanted * run.logits).sum(dim=2)
    return _by_channel(run, whole[:, :, None] - _channel_scores(run, without, progress))


def _by_channel(run: Pass, weights: Tensor) -> Tensor:
    """Channels added up by weights (K, N, C)."""
    return torch.einsum("nchw,knc->knhw", run.activations, weights)


def _channel_scores(run: Pass, changed: Callable[[int, slice], Tensor], progress: Progress) -> Tensor:
    """The scores (K, N, C) of photos that are changed channel by channel.

    `changed` gives the logits (channels, classes) of one photo, changed by each of some channels.
    """
    photos, channels = run.activations.shape[:2]
    chunks = [slice(first, min(first + CHUNK, channels)) for first in range(0, channels, CHUNK)]
    scores = torch.empty(len(run.wanted), photos, channels, device=run.activations.device)
    for photo in range(photos):
        for number, chunk in enumerate(chunks):
            progress(photo * len(chunks) + number, photos * len(chunks))
            scores[:, photo, chunk] = run.wanted[:, photo] @ changed(photo, chunk).T
    progress(photos * len(chunks), photos * len(chunks))
    return scores
