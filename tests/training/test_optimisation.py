"""Schedule, groups, loss, average; torch's own schedulers, losses and averages are the oracles."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from resnet_demo.models import variants
from resnet_demo.training import optimisation
from resnet_demo.training.config import TrainConfig
from resnet_demo.training.frozen_backbone import TrainableTail
from resnet_demo.training.optimisation import Cycle
from resnet_demo.training.presets import Start


def test_the_schedule_is_torchs_line_and_cosine() -> None:
    steps, warmup = 50, 0.2
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=3.0)
    rising = LinearLR(optimiser, start_factor=optimisation.FIRST_SHARE, total_iters=10)
    schedule = SequentialLR(optimiser, [rising, CosineAnnealingLR(optimiser, T_max=40)], milestones=[10])
    for step in range(steps):
        expected = optimiser.param_groups[0]["lr"]
        assert 3.0 * optimisation.rate_share(step, Cycle(0, steps), warmup) == pytest.approx(expected, abs=1e-9)
        optimiser.step()
        schedule.step()


def test_without_warm_up_it_begins_at_the_top() -> None:
    assert optimisation.rate_share(0, Cycle(0, 1), 0.0) == 1
    assert optimisation.rate_share(0, Cycle(0, 9), 0.0) == 1


def test_a_later_cycle_rises_anew() -> None:
    assert [optimisation.cycle_of(step, [10, 4, 3]) for step in (0, 9, 10, 13, 14, 16, 99)] == [
        Cycle(0, 10),
        Cycle(0, 10),
        Cycle(10, 4),
        Cycle(10, 4),
        Cycle(14, 3),
        Cycle(14, 3),
        Cycle(14, 3),
    ]
    assert optimisation.rate_share(12, Cycle(10, 4), 0.5) == optimisation.rate_share(2, Cycle(0, 4), 0.5) == 1


def network(variant: str = "resnet18", depth: object = "all") -> nn.Module:
    built = variants.build(variant, 5)
    TrainableTail(built, depth)  # type: ignore[arg-type]
    return built


def test_groups_hold_what_learns_once() -> None:
    built = network("preact_resnet18")
    groups = optimisation.parameter_groups(built, weight_decay=0.1, depth_factor=0.5)  # type: ignore[arg-type]
    members = [parameter for group in groups for parameter in group["params"]]
    assert {id(one) for one in members} == {id(one) for one in built.parameters()}
    assert len(members) == len(list(built.parameters()))


def test_norms_and_biases_do_not_decay() -> None:
    built = network()
    decays = {
        id(one): group["weight_decay"]
        for group in optimisation.parameter_groups(built, weight_decay=0.1, depth_factor=1)  # type: ignore[arg-type]
        for one in group["params"]
    }
    for name, module in built.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert decays[id(module.weight)] == decays[id(module.bias)] == 0, name
        elif isinstance(module, nn.Conv2d | nn.Linear):
            assert decays[id(module.weight)] == 0.1, name
            assert module.bias is None or decays[id(module.bias)] == 0, name


def test_each_stage_down_learns_slower() -> None:
    built = network()
    factors = {
        id(one): group["factor"]
        for group in optimisation.parameter_groups(built, weight_decay=0, depth_factor=0.5)  # type: ignore[arg-type]
        for one in group["params"]
    }
    found = {name: factors[id(one)] for name, one in built.named_parameters()}
    assert found["fc.weight"] == found["fc.bias"] == 1
    assert found["layer4.0.conv1.weight"] == found["layer4.1.bn2.bias"] == 0.5
    assert found["layer1.0.conv1.weight"] == 0.5**4
    assert found["conv1.weight"] == found["bn1.weight"] == 0.5**5
    assert optimisation.distance_from_head("norm.weight", 4) == 0


def test_what_is_frozen_is_in_no_group() -> None:
    built = network("cifar_resnet20", 1)
    names = {id(one): name for name, one in built.named_parameters()}
    groups = optimisation.parameter_groups(built, weight_decay=0, depth_factor=1)  # type: ignore[arg-type]
    trainable = {names[id(one)].split(".")[0] for group in groups for one in group["params"]}
    assert trainable == {"layer3", "fc"}


def resolve(**given: object) -> TrainConfig:
    config = TrainConfig("photos", **given)  # type: ignore[arg-type]
    return config.resolved(photos=100, per_class={"a": 50, "b": 50}, device="cpu", start=Start(False))


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_optimisers(name: str, kind: type[torch.optim.Optimizer]) -> None:
    groups = [{"params": [nn.Parameter(torch.ones(1))], "weight_decay": 0.1, "factor": 0.5}]
    optimiser = optimisation.make_optimiser(groups, resolve(optimiser=name))  # type: ignore[arg-type]
    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["weight_decay"] == 0.1
    optimisation.set_rates(optimiser, 0.2)
    assert optimiser.param_groups[0]["lr"] == 0.1
    if name == "sgd":
        assert (optimiser.param_groups[0]["momentum"], optimiser.param_groups[0]["nesterov"]) == (0.9, True)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 2.0, 1.0])])
def test_the_loss_is_torchs(weights: torch.Tensor | None) -> None:
    """Over class numbers and over probabilities it is the same sum."""
    logits, labels = torch.randn(7, 4), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    found = optimisation.loss_sum(logits, F.one_hot(labels, 4).float(), weights, 0.1)
    each = F.cross_entropy(logits, labels, weights, label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(found, each.sum())


def test_class_weights_by_hand() -> None:
    weights = optimisation.class_weights([10, 30, 0, 20])
    torch.testing.assert_close(weights, torch.tensor([2.0, 2 / 3, 1.0, 1.0]))
    assert (weights * torch.tensor([10, 30, 0, 20])).sum() == pytest.approx(60)  # a mean weight of 1 over all photos


def test_the_average_is_torchs() -> None:
    """Parameters and running statistics are averaged, counters are taken over."""
    torch.manual_seed(0)
    now = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    oracle = AveragedModel(now, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    oracle.update_parameters(now)  # the first call takes everything over
    mean = {name: tensor.clone() for name, tensor in now.state_dict().items()}
    for _ in range(3):
        with torch.no_grad():
            for parameter in now.parameters():
                parameter.add_(torch.randn_like(parameter))
            now(torch.randn(8, 3))
        optimisation.update_average(mean.values(), now.state_dict().values(), 0.9)
        oracle.update_parameters(now)
    for name, tensor in oracle.module.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(mean[name], tensor)
    assert int(mean["1.num_batches_tracked"]) == 3


def test_the_average_forgets_its_beginning() -> None:
    assert [optimisation.average_decay(step, 0.99) for step in (0, 10, 10_000)] == [0.1, 11 / 20, 0.99]
