"""The networks compared: counts and accuracy as torchvision's own records have them."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from resnet_demo.labs.family import GUESTS, NAMES, OWN, RECORD, build, family_member
from resnet_demo.labs.shipped import shipped_results
from resnet_demo.labs.speed import measure
from resnet_demo.texts import AppError

[SHIPPED] = shipped_results("family").values()
MEMBERS = {one["name"]: one for one in SHIPPED["members"]}
RECORDED = [name for name in NAMES if name != "res2net50_26w_4s"]


def test_every_network_ships() -> None:
    assert tuple(MEMBERS) == NAMES
    assert {name for name, one in MEMBERS.items() if one["guest"]} == set(GUESTS)


@pytest.mark.parametrize("name", RECORDED)
def test_shipped_figures_are_those_of_torchvisions_records(name: str) -> None:
    meta, shipped = torchvision.models.get_model_weights(name)[RECORD].meta, MEMBERS[name]
    assert shipped["parameters"] == meta["num_params"]
    assert shipped["multiply_adds"] / 1e9 == pytest.approx(meta["_ops"], abs=6e-4)
    assert shipped["accuracy"] == meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert RECORD in shipped["source"]


@pytest.mark.parametrize("name", ["resnet18", "res2net50_26w_4s", "alexnet", "googlenet", "efficientnet_b0"])
def test_counting_again_gives_what_ships(name: str) -> None:
    again = family_member(name)
    assert {**vars(again)} == MEMBERS[name]
    with torch.device("meta"):
        network = build(name).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, 224, 224))
    assert counter.get_total_flops() / 2 == again.multiply_adds
    assert sum(one.numel() for one in network.parameters()) == again.parameters


def test_published_accuracy() -> None:
    """He et al. 2015, tables 2 and 3, and Gao et al. 2019, table 1: errors of 23.85 against 22.01 with one crop."""
    ten = {name: MEMBERS[name]["ten_crop_accuracy"] for name in OWN if MEMBERS[name]["ten_crop_accuracy"]}
    assert ten == {"resnet18": 72.12, "resnet34": 74.97, "resnet50": 77.15, "resnet101": 78.25, "resnet152": 78.57}
    assert MEMBERS["res2net50_26w_4s"]["accuracy"] == 77.99
    assert MEMBERS["resnet50"]["accuracy"] == pytest.approx(100 - 23.85, abs=0.05)


def test_no_such_network() -> None:
    for call in (build, family_member, measure):
        with pytest.raises(AppError, match="lexnet2"):
            call("alexnet2")


def test_speed_is_measured() -> None:
    """What is counted was computed: as many images as were timed, and no more than the clock allows."""
    calls: list[None] = []
    found = measure("resnet18", size=32, seconds=0.2, go_on=lambda: calls.append(None))
    assert found.images == len(calls) - 2 >= 3
    assert 0 < found.images_per_second <= found.images / 0.2
    assert found.threads == torch.get_num_threads()


def test_a_measurement_can_be_ended() -> None:
    class EndedError(Exception):
        pass

    def end() -> None:
        raise EndedError

    with pytest.raises(EndedError):
        measure("resnet18", size=32, go_on=end)
