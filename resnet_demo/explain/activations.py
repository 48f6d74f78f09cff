"""One forward pass split at a layer: the layer's activations, the logits, and the gradients of scores there.

The network is only called, part by part: no hooks are set and its weights get no gradients, so any number of threads
may share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from resnet_demo.explain.targets import Target
from resnet_demo.models.resnet import ResNet


class ForwardPass:
    """The forward pass of a batch.

    `activations` (N, C, h, w) are the output of the layer, `logits` (N, classes) that of the network, and
    `target_weights` (K, N, classes) the weight of each logit in each of the K scores to explain.

    Args:
        network: in evaluation mode, with norms folded or not.
        images: normalised (N, 3, H, W), on the network's device.
        layer: `stem`, a stage or a block.
        targets: the K targets to explain.
        differentiable: whether `gradients` will be called.

    Raises:
        AppError: there is no layer of this name.
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
        self.target_weights = torch.stack([target(self.logits) for target in targets])

    def gradients(self) -> Iterator[Tensor]:
        """The gradient of each score with respect to the activations, (N, C, h, w); to be iterated once.

        After the last stage only the mean over h x w and one linear layer follow: there the gradient is a row of its
        weights divided by h w, equal at all positions, and needs no backward pass (Selvaraju et al. 2017, section 3.1).
        Elsewhere it takes one backward pass per score, down to the layer and no further.
        """
        if self.linear:
            for gradients in self.linear_gradients():
                yield gradients[:, :, None, None].expand_as(self.activations)
            return
        last = len(self.target_weights) - 1
        for number, target_weights in enumerate(self.target_weights):
            score = (self._logits * target_weights).sum()
            yield torch.autograd.grad(score, self._leaf, retain_graph=number < last)[0]

    def linear_gradients(self) -> Tensor:
        """After the last stage: the gradients of all scores at any position, (K, N, C)."""
        _, _, height, width = self.activations.shape
        return self.target_weights @ self.network.fc.weight.detach() / (height * width)
