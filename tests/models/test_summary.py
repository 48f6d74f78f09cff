"""The layer table against torchvision's records, the papers' figures and arithmetic by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from resnet_demo.models import variants
from resnet_demo.models.summary import as_text, summarise
from resnet_demo.texts import AppError

IN_TORCHVISION = [variant.name for variant in variants.all_variants() if hasattr(torchvision.models, variant.name)]
IN_PAPERS = [
    variant
    for variant in variants.all_variants()
    if variant.name not in IN_TORCHVISION and (variant.published_parameters or variant.published_multiply_adds)
]


def last_digit(figure: int) -> int:
    """The worth of a figure's last digit that was published: 10 for 120."""
    unit = 1
    while figure % (unit * 10) == 0:
        unit *= 10
    return unit


@pytest.mark.parametrize("name", IN_TORCHVISION)
def test_totals_are_those_of_torchvisions_records(name: str) -> None:
    variant, summary = variants.get(name), summarise(name)
    records = [weights.meta for weights in torchvision.models.get_model_weights(name)]
    assert records
    for record in records:
        assert summary.parameters == variant.published_parameters == record["num_params"]
        assert round(summary.multiply_adds / 1e9, 3) == record["_ops"]
        assert variant.published_multiply_adds == round(record["_ops"] * 1e9)


def test_all_published_figures_were_tried() -> None:
    assert len(IN_TORCHVISION) == 10
    assert len(IN_PAPERS) == 3 + 1 + 2 + 2 * 5  # stride on 1x1, Res2Net, plain, CIFAR


@pytest.mark.parametrize("variant", IN_PAPERS, ids=lambda variant: variant.name)
def test_totals_are_those_in_the_papers(variant: variants.Variant) -> None:
    """To the last digit published, which some authors rounded and some cut off."""
    summary = summarise(variant.name)
    if variant.published_parameters:
        difference = summary.parameters - variant.published_parameters
        assert abs(difference) < last_digit(variant.published_parameters)
    if variant.published_multiply_adds:
        difference = summary.multiply_adds - variant.published_multiply_adds
        assert abs(difference) < last_digit(variant.published_multiply_adds)


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnext50_32x4d", "preact_resnet50", "res2net50_26w_4s", "highway18", "plain18", "cifar_resnet20"],
)
@pytest.mark.parametrize("size", [32, 75])
def test_totals_are_pytorchs_own_count(name: str, size: int) -> None:
    with torch.device("meta"):
        network = variants.build(name, classes=3).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, size, size))
    summary = summarise(name, size, classes=3)
    assert 2 * summary.multiply_adds == counter.get_total_flops()
    assert summary.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_rows_by_hand() -> None:
    rows = {row.name: row for row in summarise("resnet50").rows}
    conv1, conv2, fc = rows["conv1"], rows["stage2.0.conv2"], rows["fc"]
    assert (conv1.output, conv1.parameters, conv1.multiply_adds) == ((64, 112, 112), 9_408, 9_408 * 112 * 112)
    assert (conv2.output, conv2.parameters, conv2.multiply_adds) == ((128, 28, 28), 147_456, 147_456 * 28 * 28)
    assert (fc.output, fc.parameters, fc.multiply_adds) == ((1000,), 2_049_000, 2_048_000)
    assert (rows["bn1"].parameters, rows["bn1"].multiply_adds) == (128, 0)
    assert rows["maxpool"].output == (64, 56, 56)
    assert rows["stage1.0.downsample.0"].output == (256, 56, 56)


def test_rows_are_in_the_order_of_the_picture() -> None:
    names = [row.name for row in summarise("cifar_resnet20").rows]
    assert names[:4] == ["conv1", "bn1", "stage1.0.conv1", "stage1.0.bn1"]
    assert names[-2:] == ["avgpool", "fc"]
    assert len(names) == len(set(names))


def test_groups_share_the_work() -> None:
    (row,) = (row for row in summarise("resnext50_32x4d").rows if row.name == "stage1.0.conv2")
    assert row.multiply_adds == 56 * 56 * 128 * (128 // 32) * 9
    assert row.kind.say() == "3x3 conv, C=32"


def test_no_weights_are_allocated() -> None:
    allocated: list[int] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            output = function(*args, **(kwargs or {}))
            if isinstance(output, torch.Tensor) and output.device.type != "meta":
                allocated.append(output.numel())
            return output

    with Watch():
        torch.zeros(5)
        summarise("wide_resnet101_2")
    assert allocated[0] == 5, "the watch sees nothing"
    assert sum(allocated[1:]) < 1_000


@pytest.mark.parametrize("size", [0, -224])
def test_a_picture_without_pixels_is_refused(size: int) -> None:
    with pytest.raises(AppError, match="at least one pixel"):
        summarise("resnet18", size)


def test_one_pixel_will_do() -> None:
    assert summarise("resnet18", 1).rows[-1].output == (1000,)


def test_the_table_as_text() -> None:
    lines = as_text(summarise("resnet18"), "en").splitlines()
    assert lines[0] == "resnet18, one image of 224 x 224 pixels"
    assert lines[2].split() == ["layer", "kind", "output", "parameters", "multiply-adds"]
    assert lines[3].split() == ["conv1", "7x7", "conv,", "/2", "64", "x", "112", "x", "112", "9,408", "118,013,952"]
    assert lines[-1].split() == ["total", "11,689,512", "1,814,073,344"]
    assert len({len(line) for line in lines[2:]}) == 1


def test_chinese_columns_stand_under_each_other() -> None:
    lines = as_text(summarise("cifar_plain20"), "zh-CN").splitlines()[2:]
    widths = {sum(2 if ord(character) > 0x2E80 else 1 for character in line) for line in lines}
    assert len(widths) == 1


def test_other_threads_may_use_networks_meanwhile() -> None:
    """Tracing with torch.fx would replace what their modules are called by."""
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(lambda name: summarise(name, 64), ["resnet18", "resnet34"] * 12))
    assert len({table.parameters for table in tables}) == 2
