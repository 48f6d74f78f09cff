"""One forward pass cut in two at a layer: what leaves the layer, the logits, and the gradients of scores there.

The network is only called, part by part: it has no hooks, its weights get no gradients, and any number of threads may
look into it at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from resnet_demo.explain.targets import Target
from resnet_demo.models.resnet import ResNet


class Pass:
    """A batch's way through a network.

    `activations` (N, C, h, w) is what left the layer, `logits` (N, classes) what the network answers, and
    `wanted` (K, N, classes) how much of each logit makes up each of the K scores that are asked about.

    Args:
        network: in evaluation mode, with norms folded or not.
        images: normalised (N, 3, H, W), on the network's device.
        layer: `stem`, a stage or a block.
        targets: what is asked about.
        differentiable: whether `gradients` will be asked for.

    Raises:
        AppError: there is no layer of that name.
    """

    def __init__(
        self, network: ResNet, images: Tensor, layer: str, targets: Sequence[Target], *, differentiable: bool
    ) -> None:
        self.network = network
        self.images = images
        self.layer = layer
        self.linear = network.head_is_linear and network.is_last(layer)
        follow = differentiable and not self.linear
        with torch.no_grad():
            self.activations = network.forward_to(layer, images)
        self._leaf = self.activations.detach().requires_grad_(follow)
        with torch.set_grad_enabled(follow):
            self._logits = network.forward_from(layer, self._leaf)
        self.logits = self._logits.detach()
        self.wanted = torch.stack([target(self.logits) for target in targets])

    def gradients(self) -> Iterator[Tensor]:
        """How each score grows with the activations: (N, C, h, w), one score after the other, once.

        Behind the last stage come only the mean over h x w and one linear layer: there the gradient is a row of its
        weights divided by h w, the same everywhere, and no backward pass is needed (Selvaraju et al. 2017, section
        3.1). Elsewhere one backward pass each leads down to the layer and no further.
        """
        if self.linear:
            for gradients in self.linear_gradients():
                yield gradients[:, :, None, None].expand_as(self.activations)
            return
        last = len(self.wanted) - 1
        for number, wanted in enumerate(self.wanted):
            score = (self._logits * wanted).sum()
            yield torch.autograd.grad(score, self._leaf, retain_graph=number < last)[0]

    def linear_gradients(self) -> Tensor:
        """Behind the last stage: the gradients of all scores at any place, (K, N, C)."""
        _, _, height, width = self.activations.shape
        return self.wanted @ self.network.fc.weight.detach() / (height * width)
