"""Folding of batch norms into the convolutions before them: the same function in evaluation, with fewer operations."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resnet_demo.models.resnet import ResNet


def fold_norms(network: ResNet) -> ResNet:
    """Fold the norms in place; `network` must be in evaluation mode and cannot be trained afterwards.

    In evaluation a batch norm is y = a x + b for each channel, which can be absorbed by the convolution's weights and
    bias (Jacob et al. 2018, section 3.2). ReLUs work in place from then on.
    """
    _fold(network, "conv1", "bn1")
    for block in network.blocks().values():
        for name, _ in list(block.named_modules()):
            _fold(block, name, _norm_after(name, block.norms_before_conv1))
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True
    return network


def _norm_after(name: str, norms_before_conv1: int) -> str:
    """The name of the norm after a block's convolution, if there is one; of what is no convolution anything."""
    if name.startswith("convs."):
        return name.replace("convs", "bns")
    if name == "downsample.0":
        return "downsample.1"
    return f"bn{int(name[-1:]) + norms_before_conv1}" if name in {"conv1", "conv2", "conv3"} else ""


def _fold(module: nn.Module, conv_name: str, norm_name: str) -> None:
    """Fold a norm into a convolution, where these are there and are such."""
    names = dict(module.named_modules())
    conv, norm = names.get(conv_name), names.get(norm_name)
    if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
        module.set_submodule(conv_name, fuse_conv_bn_eval(conv, norm))
        module.set_submodule(norm_name, nn.Identity())
