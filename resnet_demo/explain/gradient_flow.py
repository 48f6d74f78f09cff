"""Gradient flow through the blocks: the norms of the gradient, split into shortcut and residual branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.explain.targets import Target
from resnet_demo.models.resnet import ResNet


@dataclass(frozen=True)
class GradientFlow:
    """Norms of the gradient of a target with respect to each block's input, by the block's name.

    `total` are the norms of the whole gradient; `residual` and `shortcut` those of its two parts, which come through
    one path each. A plain network has no shortcuts: the gradient through its layers is in `residual`.
    """

    total: Mapping[str, float]
    residual: Mapping[str, float]
    shortcut: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class BlockGradient:
    """The gradient of a score with respect to a block's input `x`, (N, C, H, W) each, in the parts that add up to it.

    `shortcut` is None in a plain block, whose gradient is all in `residual`.
    """

    x: Tensor
    residual: Tensor
    shortcut: Tensor | None

    @property
    def total(self) -> Tensor:
        """The whole gradient."""
        return self.residual if self.shortcut is None else torch.stack([self.residual, self.shortcut]).sum(dim=0)


@torch.enable_grad()
def gradient_flow(network: ResNet, image: Tensor, target: Target) -> GradientFlow:
    """Measure the gradient flow through all blocks with one forward and one backward pass.

    By the chain rule the gradient at the input of a block y = F(x) + x is dy + (dF/dx) dy: the shortcut's part does not
    shrink (He et al. 2016b, eqn. 5). Weights get no gradient, and the backward pass ends at the first block.

    Args:
        network: in evaluation mode, with norms folded or not; it is not changed.
        image: normalised, (1, 3, H, W), on the network's device.
        target: whose gradient is measured, such as a class's logit.
    """
    found = block_gradients(network, image, lambda logits: (logits * target(logits.detach())).sum())
    return GradientFlow(
        total={name: one.total.norm().item() for name, one in found.items()},
        residual={name: one.residual.norm().item() for name, one in found.items()},
        shortcut={name: one.shortcut.norm().item() for name, one in found.items() if one.shortcut is not None},
    )


@torch.enable_grad()
def block_gradients(network: ResNet, images: Tensor, score: Callable[[Tensor], Tensor]) -> dict[str, BlockGradient]:
    """The gradient of a score at the input of each block, by the block's name; one forward and one backward pass.

    Args:
        network: in evaluation mode it is not changed; in training mode, norms count the pictures in.
        images: normalised, (N, 3, H, W), on the network's device.
        score: logits (N, classes) -> the number whose gradient is wanted.
    """
    with torch.no_grad():
        x = network.forward_stem(images)
    x.requires_grad_()
    blocks = network.blocks()
    inputs: list[tuple[Tensor, ...]] = []
    for block in blocks.values():
        # Views, one for each path: autograd tells apart what comes back through either.
        if block.has_shortcut:
            inputs.append((x.view_as(x), x.view_as(x)))
            x = block.activation(block.residual(inputs[-1][0]) + block.shortcut(inputs[-1][1]))
        else:
            inputs.append((x.view_as(x),))
            x = block(*inputs[-1])
    gradients = iter(torch.autograd.grad(score(network.forward_head(x)), [view for views in inputs for view in views]))
    found = {}
    for name, views in zip(blocks, inputs, strict=True):
        through = [next(gradients) for _ in views]
        found[name] = BlockGradient(views[0].detach(), through[0], through[1] if len(through) > 1 else None)
    return found
