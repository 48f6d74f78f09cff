"""Blocks from AlexNet to Transformers as data for their diagrams, with the shapes of one place in a known network.

Those that `models.blocks` has are as `explain.block_diagram` finds them there.
"""

from __future__ import annotations

from resnet_demo.plots.block_diagram import BlockDiagram, Step, Unit
from resnet_demo.texts import Message

Shape = tuple[int, ...]

_RELU = Message("plots.block.relu")
_NORM = Message("models.summary.batch_norm")
_ACTIVATED = Step((_NORM, _RELU))
_NORMED = Step((_NORM,))
_ACTIVATION = (Step((_RELU,)),)


def _conv(side: int, *shape: int, rest: str = "", lanes: int = 1, chained: bool = False) -> Step:
    kind = Message("models.summary.conv", {"side": side, "rest": rest})
    return Step((kind,), shape, lanes, chained)


def _pool(*shape: int) -> Step:
    return Step((Message("models.summary.max_pool", {"side": 3, "rest": ", /2"}),), shape)


def _times(formula: str) -> Step:
    return Step((Message("plots.block.gate", {"formula": formula}),))


def _bottleneck(inner: int, middle: Step) -> BlockDiagram:
    """A bottleneck with 256 channels on maps of 56 a side, the place of ResNet-50's second block."""
    ends = _conv(1, inner, 56, 56), _conv(1, 256, 56, 56)
    unit = Unit((ends[0], _ACTIVATED, middle, _ACTIVATED, ends[1], _NORMED), "identity", after=_ACTIVATION)
    return BlockDiagram((unit,), (256, 56, 56), (256, 56, 56))


def _alexnet() -> BlockDiagram:
    """The first two of eight layers (Krizhevsky et al. 2012, section 3.5), for 224 pixels a side."""
    normed = Step((_RELU, Message("plots.block.response_norm")))
    chain = (
        _conv(11, 96, 55, 55, rest=", /4"),
        normed,
        _pool(96, 27, 27),
        _conv(5, 256, 27, 27),
        normed,
        _pool(256, 13, 13),
    )
    return BlockDiagram((Unit(chain),), (3, 224, 224), (256, 13, 13))


def _highway() -> BlockDiagram:
    """`highway18`, stage1.1: with convolutions, as He et al. 2016b, section 3.1, have it."""
    branch = (_conv(3, 64, 56, 56), _ACTIVATED, _conv(3, 64, 56, 56), _ACTIVATED, _times("T(x)"))
    return BlockDiagram((Unit(branch, "gated", (_times("1 − T(x)"),)),), (64, 56, 56), (64, 56, 56))


def _resnet() -> BlockDiagram:
    """`resnet34`, stage1.1."""
    branch = (_conv(3, 64, 56, 56), _ACTIVATED, _conv(3, 64, 56, 56), _NORMED)
    return BlockDiagram((Unit(branch, "identity", after=_ACTIVATION),), (64, 56, 56), (64, 56, 56))


def _preactivation() -> BlockDiagram:
    """`preact_resnet34`, stage1.1."""
    branch = (_ACTIVATED, _conv(3, 64, 56, 56), _ACTIVATED, _conv(3, 64, 56, 56))
    return BlockDiagram((Unit(branch, "identity"),), (64, 56, 56), (64, 56, 56))


def _densenet() -> BlockDiagram:
    """The first dense layer of DenseNet-121: growth rate 32, bottleneck of 128."""
    branch = (_ACTIVATED, _conv(1, 128, 56, 56), _ACTIVATED, _conv(3, 32, 56, 56))
    return BlockDiagram((Unit(branch, "carried", join="concatenation"),), (64, 56, 56), (96, 56, 56))


def _skipnet() -> BlockDiagram:
    """Wang et al. 2018, eqn. (1): G(x) is 0 or 1."""
    branch = (*_resnet().units[0].branch, _times("G(x)"))
    return BlockDiagram((Unit(branch, "gated", (_times("1 − G(x)"),), after=_ACTIVATION),), (64, 56, 56), (64, 56, 56))


def _mbconv() -> BlockDiagram:
    """The second block of EfficientNet-B0's third stage: MBConv6, 3x3, with squeeze-and-excitation."""
    activated = Step((_NORM, Message("plots.block.silu")))
    depthwise = Step((Message("plots.block.depthwise", {"side": 3}),), (144, 56, 56), lanes=144)
    squeeze = Step((Message("plots.block.squeeze_excitation"),))
    branch = (_conv(1, 144, 56, 56), activated, depthwise, activated, squeeze, _conv(1, 24, 56, 56), _NORMED)
    return BlockDiagram((Unit(branch, "identity"),), (24, 56, 56), (24, 56, 56))


def _transformer() -> BlockDiagram:
    """A layer of ViT-B/32, as in CLIP: 49 patches and a class token of 768 numbers each."""
    norm, shape = Step((Message("plots.block.layer_norm"),)), (50, 768)
    parts = (Message("plots.block.attention", {"heads": 12}), Message("plots.block.mlp", {"channels": "3,072"}))
    units = tuple(Unit((norm, Step((part,), shape)), "identity") for part in parts)
    return BlockDiagram(units, shape, shape)


HISTORIC_BLOCKS = {
    "alexnet": _alexnet(),
    "highway": _highway(),
    "resnet": _resnet(),
    "preactivation": _preactivation(),
    "wide_resnet": _bottleneck(128, _conv(3, 128, 56, 56)),
    "resnext": _bottleneck(128, _conv(3, 128, 56, 56, rest=", C=32", lanes=32)),
    "densenet": _densenet(),
    "skipnet": _skipnet(),
    "efficientnet": _mbconv(),
    "res2net": _bottleneck(104, _conv(3, 104, 56, 56, lanes=4, chained=True)),
    "transformer": _transformer(),
}
"""The blocks by the names of their cards in the timeline, in its order."""
