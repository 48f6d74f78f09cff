"""The range test: on curves made by hand, and on a training state that is left as it was."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from resnet_demo.training import range_test
from resnet_demo.training.retried_step import RetriedStep
from tests.training.test_train_state import batch, network, train_state


def test_rates_rise_evenly() -> None:
    found = range_test.rates(7)
    assert found[0] == pytest.approx(1e-6)
    assert found[-1] == pytest.approx(1)
    assert [after / before for before, after in itertools.pairwise(found)] == pytest.approx([10] * 6)


def test_a_tenth_of_the_rate_with_the_lowest_loss() -> None:
    """A valley at 0.01: falls from 1e-4 on, then climbs steeply."""
    curve = [
        (rate, 2 - math.tanh(max(0, math.log10(rate) + 4)) + max(0, math.log10(rate) + 2) ** 2 * 9)
        for rate in range_test.rates(600)
    ]
    assert range_test.suggest(curve) == pytest.approx(0.001, rel=0.2)


def test_what_comes_after_a_divergence_does_not_count() -> None:
    falling = [(rate, 2.0 - 0.01 * step) for step, rate in enumerate(range_test.rates(60)[:30])]
    wild = [(rate, 100.0 if step < 5 else 0.0) for step, rate in enumerate(range_test.rates(60)[30:])]
    assert range_test.suggest(falling + wild) == range_test.suggest(falling) == pytest.approx(falling[-1][0] / 10, 0.05)


def test_one_noisy_loss_does_not_decide() -> None:
    rates = range_test.rates(60)
    curve = [(rate, 1.0 - step / 100) for step, rate in enumerate(rates)]
    curve[5] = (rates[5], 0.0)
    assert range_test.suggest(curve) > 100 * rates[5] * range_test.SAFETY


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_the_learner_is_left_as_it_was(precision: str) -> None:
    state = train_state(network(), ema=0.9, precision=precision)
    state.scaler.set_growth_interval(2)  # so that the scale does change on the way
    state.step(batch(0), 1e-3)
    scaler = state.scaler.state_dict()
    before = {file: {key: one.clone() for key, one in tensors.items()} for file, tensors in state.state_dict().items()}
    found = range_test.measure(RetriedStep(state), [batch(step) for step in range(4)])
    assert [rate for rate, _ in found] == range_test.rates()[:4]
    assert state.steps == 1
    assert state.scaler.state_dict() == scaler
    for file, tensors in state.state_dict().items():
        assert all(torch.equal(one, before[file][key]) for key, one in tensors.items())
