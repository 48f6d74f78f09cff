"""Results that ship: small, of settings that there are, and with the orderings that the papers found."""

from __future__ import annotations

import pytest

from resnet_demo.commands.lab_text import result_lines
from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.labs.shipped import SHIPPED, shipped_results

RESULTS = {stem: result for name in EXPERIMENTS for stem, result in shipped_results(name).items()}


def test_they_are_small_and_all_are_found() -> None:
    files = list(SHIPPED.glob("*.json"))
    assert sorted(path.stem for path in files) == sorted(RESULTS)
    assert sum(path.stat().st_size for path in files) < 200_000


@pytest.mark.parametrize("stem", RESULTS)
def test_each_says_how_it_was_measured(stem: str) -> None:
    result = RESULTS[stem]
    assert stem.startswith(result["experiment"])
    assert EXPERIMENTS[result["experiment"]].config.from_json(result["settings"]).seed >= 0
    assert result["seconds"] > 0
    assert "torch" in result["machine"]
    assert list(result_lines(result, "en"))[-1].endswith(result["command"])


def test_plain_networks_degrade_and_residual_ones_do_not() -> None:
    found = RESULTS["degradation-cifar10"]["findings"]
    assert found["plain"]["deeper_is_worse"] is True
    assert len(found["plain"]["gaps"]) >= 2
    assert found["residual"]["deeper_is_worse"] is False


def test_no_gradient_vanishes_with_norms() -> None:
    rows = RESULTS["gradients-56"]["networks"]
    assert [row["verdict"] for row in rows if row["verdict"] == "vanishes" and row["norms"]] == []
    [naive] = [row for row in rows if (row["kind"], row["norms"], row["init"]) == ("plain", False, "naive")]
    assert naive["verdict"] == "vanishes"


def test_residual_networks_stand_the_loss_of_a_block_and_plain_ones_do_not() -> None:
    """Veit et al. 2016, figure 3, at two seeds; most of the gradient comes along paths shorter than the middle."""
    found = RESULTS["paths-drawn"]
    assert len(found["networks"]) == 4
    for network in found["networks"]:
        without = [error for name, error in network["without_each"].items() if name]
        harm = sum(without) / len(without) - network["without_each"][""]
        assert harm < 0.1 if network["kind"] == "residual" else harm > 0.3
        if network["kind"] == "residual":
            carried = [one["paths"] * one["norm"] for one in network["gradients"]]
            mean = sum(length * own for length, own in enumerate(carried)) / sum(carried)
            assert mean < found["blocks"] / 2


def test_branches_are_small_behind_many_blocks() -> None:
    """De and Smith 2020: at initialisation the ratio falls with the number of the block; from zero it is zero."""
    normal, zero = (one for one in RESULTS["identity-drawn"]["branches"] if one["epoch"] == 0)
    assert normal["exponent"] == pytest.approx(-0.5, abs=0.3)
    assert zero["ratios"]["stage1.0"] == 0


def test_plain_networks_degrade_on_drawn_pictures_too() -> None:
    found = RESULTS["degradation-drawn"]["findings"]
    assert found["plain"]["deeper_is_worse"] is True
    assert len(found["plain"]["gaps"]) >= 2
    assert found["residual"]["deeper_is_worse"] is False
