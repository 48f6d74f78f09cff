"""A network's outline: against the sizes that its layers really put out."""

from __future__ import annotations

import pytest

from resnet_demo.explain.architecture import architecture
from resnet_demo.models import variants
from tests.explain.networks import CLASSES, FAMILIES, lively
from tests.models.oracles import noise


@pytest.mark.parametrize("side", [32, 45])
@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_are_those_of_the_outputs(name: str, side: int) -> None:
    network = lively(name)
    drawn = architecture(network, name, side)
    x = network.forward_stem(noise(1, 3, side, side))
    assert drawn.stem == (x.shape[1], x.shape[2])
    shapes = [block for blocks in drawn.stages.values() for block in blocks]
    assert [shape.name for shape in shapes] == list(network.blocks())
    for shape, block in zip(shapes, network.blocks().values(), strict=True):
        came = x.shape
        x = block(x)
        assert (shape.channels, shape.side) == (x.shape[1], x.shape[2])
        assert shape.shortcut == ("none" if "plain" in name else "same" if x.shape == came else "reshaped")
    assert (drawn.name, drawn.side, drawn.classes) == (name, side, CLASSES)


def test_a_deep_one() -> None:
    drawn = architecture(variants.build("cifar_resnet110"), "mine", 32)
    assert [len(blocks) for blocks in drawn.stages.values()] == [18, 18, 18]
    assert drawn.classes == 10
