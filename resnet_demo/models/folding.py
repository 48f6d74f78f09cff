"""Batch norms folded into the convolutions before them: in evaluation the same function with fewer steps."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resnet_demo.models.blocks import PreActivationBlock
from resnet_demo.models.resnet import ResNet


def fold_norms(network: ResNet) -> ResNet:
    """Fold in place; `network` must be in evaluation mode and cannot be trained any more.

    In evaluation a batch norm is y = a x + b for each channel, which a convolution's weights and bias can take in
    (Jacob et al. 2018, section 3.2). ReLUs overwrite what they read from here on, since nobody else holds it.
    """
    for module in list(network.modules()):
        for conv_name, norm_name in _pairs(module):
            conv, norm = module.get_submodule(conv_name), module.get_submodule(norm_name)
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            module.set_submodule(conv_name, fuse_conv_bn_eval(conv, norm))
            module.set_submodule(norm_name, nn.Identity())
        if isinstance(module, nn.ReLU):
            module.inplace = True
    return network


def _pairs(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of each convolution in `module` itself and of the norm that reads its output and nothing else."""
    names = dict(module.named_modules())
    # A pre-activation block's first norm reads the stream; the second is the first one's convolution's.
    later = 1 if isinstance(module, PreActivationBlock) else 0
    for number in (1, 2, 3):
        yield from _if_there(names, f"conv{number}", f"bn{number + later}")
    for rung in range(len(names["convs"]) if "convs" in names else 0):
        yield from _if_there(names, f"convs.{rung}", f"bns.{rung}")
    if isinstance(module, nn.Sequential):
        yield from _if_there(names, "0", "1")


def _if_there(names: dict[str, nn.Module], conv: str, norm: str) -> Iterator[tuple[str, str]]:
    if isinstance(names.get(conv), nn.Conv2d) and isinstance(names.get(norm), nn.BatchNorm2d):
        yield conv, norm
