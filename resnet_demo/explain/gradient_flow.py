"""How a class's gradient flows back through the blocks: what takes the shortcut, what the residual branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_demo.explain.targets import Target
from resnet_demo.models.blocks import PlainBlock
from resnet_demo.models.resnet import ResNet


@dataclass(frozen=True)
class GradientFlow:
    """Norms of the gradient of what was asked about with respect to each block's input, by the block's name.

    `total` are of the whole gradient; `residual` and `shortcut` of the two gradients that add up to it, each having
    come through one path alone. A plain block has its layers alone: they are in `residual`, and `shortcut` is empty.
    """

    total: Mapping[str, float]
    residual: Mapping[str, float]
    shortcut: Mapping[str, float]


@torch.enable_grad()
def gradient_flow(network: ResNet, image: Tensor, target: Target) -> GradientFlow:
    """One forward and one backward pass, for every block.

    By the chain rule a block y = F(x) + x hands back dy + (dF/dx) dy: the shortcut's part does not shrink (He et al.
    2016b, eqn. 5). No weight gets a gradient, and nothing is computed below the first block.

    Args:
        network: in evaluation mode, with norms folded or not; it is left as it was.
        image: normalised, (1, 3, H, W), on the network's device.
        target: what is asked about, such as a class's logit.
    """
    with torch.no_grad():
        x = network.forward_stem(image)
    x.requires_grad_()
    blocks = network.blocks()
    inputs: list[tuple[Tensor, ...]] = []
    for block in blocks.values():
        # Views, one for each path: autograd tells apart what comes back through either.
        if isinstance(block, PlainBlock):
            inputs.append((x.view_as(x),))
            x = block(*inputs[-1])
        else:
            inputs.append((x.view_as(x), x.view_as(x)))
            x = block.activation(block.residual(inputs[-1][0]) + block.shortcut(inputs[-1][1]))
    logits = network.forward_head(x)
    score = (logits * target(logits.detach())).sum()
    gradients = iter(torch.autograd.grad(score, [view for views in inputs for view in views]))
    total, residual, shortcut = {}, {}, {}
    for name, views in zip(blocks, inputs, strict=True):
        through = [next(gradients) for _ in views]
        total[name] = torch.stack(through).sum(dim=0).norm().item()
        residual[name] = through[0].norm().item()
        if len(through) > 1:
            shortcut[name] = through[1].norm().item()
    return GradientFlow(total, residual, shortcut)
