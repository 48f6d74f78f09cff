"""Maps from the gradient at the input pixels: guided backpropagation, SmoothGrad, Integrated Gradients.

Each function returns attributions (K, N, 3, H, W) for K scores and N photos.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_demo.explain.activations import ForwardPass
from resnet_demo.explain.cam import Progress
from resnet_demo.models.resnet import ResNet

SAMPLES = 25
"""SmoothGrad's noisy copies of a photo: half of the 50 from which on the paper sees little change (section 3.2)."""
NOISE = 0.15
"""Their noise, as a share of the span from the photo's darkest to its brightest value (section 3.2: 10 to 20 %)."""
STEPS = 32
"""Points between the baseline and the photo (Sundararajan et al. 2017, section 5: 20 to 300)."""
CHUNK = 8
CAP = 0.99
"""The share of pixels below the one that counts as 1, or a few would leave the rest dark (Smilkov et al. 2017, 3.1)."""


def magnitude(attributions: Tensor) -> Tensor:
    """(K, N, 3, H, W) -> maps (K, N, H, W): the largest colour channel (Simonyan et al. 2014, section 3.1)."""
    maps = attributions.abs().amax(dim=2)
    cap = maps.flatten(start_dim=2).kthvalue(max(1, round(CAP * maps[0, 0].numel())), dim=2).values
    return torch.minimum(maps, cap[:, :, None, None])


def guided_backprop(run: ForwardPass, progress: Progress) -> Tensor:  # noqa: ARG001
    """The gradient, with negative values set to zero at every ReLU (Springenberg et al. 2015, section 4)."""
    return _gradients(guided_twin(run.network), run.images, run.target_weights)


def smoothgrad(run: ForwardPass, progress: Progress) -> Tensor:
    """The mean gradient over noisy copies of the photo; the noise is the same each time (Smilkov et al. 2017)."""
    shape = SAMPLES, *run.images.shape[1:]
    noise = NOISE * torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(run.images.device)
    span = run.images.amax(dim=(1, 2, 3)) - run.images.amin(dim=(1, 2, 3))

    def noisy(photo: int, chunk: slice) -> Tensor:
        return run.images[photo] + span[photo] * noise[chunk]

    return _mean_gradients(run, noisy, torch.full((SAMPLES,), 1 / SAMPLES), progress)


def integrated_gradients(run: ForwardPass, progress: Progress) -> Tensor:
    """The mean gradient from a grey picture to the photo, times their difference (Sundararajan et al. 2017).

    The grey is the mean colour of the training photos, zero once normalised. The sum over all pixels is the difference
    between the two scores. The integral is computed by Gauss-Legendre quadrature.
    """
    points, weights = np.polynomial.legendre.leggauss(STEPS)
    shares = torch.tensor((points + 1) / 2, dtype=torch.float32, device=run.images.device)

    def between(photo: int, chunk: slice) -> Tensor:
        return shares[chunk, None, None, None] * run.images[photo]

    mean = _mean_gradients(run, between, torch.tensor(weights / 2, dtype=torch.float32), progress)
    return mean * run.images


def guided_twin(network: ResNet) -> ResNet:
    """A second network with the same weights, whose ReLUs set negative gradients to zero."""
    weights = [*network.parameters(), *network.buffers()]
    twin = copy.deepcopy(network, {id(weight): weight for weight in weights})
    for module in list(twin.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                module.set_submodule(name, _GuidedReLU())
    return twin


class _GuidedReLU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """The ReLU of (N, C, H, W)."""
        y = F.relu(x)
        y.register_hook(F.relu)  # type: ignore[no-untyped-call]  # on this pass's own tensor: it goes when the pass does
        return y


def _gradients(network: Callable[[Tensor], Tensor], images: Tensor, target_weights: Tensor) -> Tensor:
    """The gradients (K, N, 3, H, W) of the scores of `target_weights` (K, N, classes) at the images (N, 3, H, W)."""
    leaf = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(leaf)
        scores = [(logits * one).sum() for one in target_weights]
    last = len(scores) - 1
    return torch.stack(
        [torch.autograd.grad(score, leaf, retain_graph=number < last)[0] for number, score in enumerate(scores)]
    )


def _mean_gradients(
    run: ForwardPass, images: Callable[[int, slice], Tensor], weights: Tensor, progress: Progress
) -> Tensor:
    """The sum with `weights` of the gradients at several versions of each photo: (K, N, 3, H, W).

    `images` returns some of the versions of one photo, (count, 3, H, W).
    """
    steps, photos = len(weights), len(run.images)
    total = torch.zeros(len(run.target_weights), *run.images.shape, device=run.images.device)
    weights = weights.to(run.images.device)
    for photo in range(photos):
        for first in range(0, steps, CHUNK):
            progress(photo * steps + first, photos * steps)
            chunk = slice(first, min(first + CHUNK, steps))
            several = images(photo, chunk)
            target_weights = run.target_weights[:, photo : photo + 1].expand(-1, len(several), -1)
            gradients = _gradients(run.network, several, target_weights)
            total[:, photo] += torch.einsum("ksrhw,s->krhw", gradients, weights[chunk])
    progress(photos * steps, photos * steps)
    return total
