"""What is found out before the first step, and then stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from resnet_demo.training import journal
from resnet_demo.training.journal import Journal
from resnet_demo.training.lesson import prepare
from resnet_demo.training.loop import train
from resnet_demo.training.ranks import Ranks
from tests.training.schoolroom import events_of, make_run, settings_in


@pytest.mark.slow
def test_a_precision_that_was_measured_is_kept_from_the_beginning(tmp_path: Path) -> None:
    """Killed before its first checkpoint, it goes on as it had begun, whatever another trial would say."""
    run, ranks = make_run(tmp_path, epochs=10), Ranks(torch.device("cpu"))
    first = prepare(run, settings_in(tmp_path), ranks, Journal(run, ranks)).plan.precision
    assert run.newest_checkpoint() is None
    assert [event["precision"] for event in events_of(run, "measured")] == [first]
    other = "float32" if first == "bf16" else "bf16"
    for decided in (first, other):
        run.append("measured", precision=decided)
        assert prepare(run, settings_in(tmp_path), ranks, Journal(run, ranks)).plan.precision == decided
    assert len([event for event in events_of(run, "said") if event["key"].endswith("bf16")]) == 1


@pytest.mark.slow
def test_rates_can_be_tried_out_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "STEP_SECONDS", 0.0)
    run = make_run(tmp_path, range_test=True, epochs=1)
    train(run, settings_in(tmp_path))
    said = {event["key"]: event["fields"] for event in events_of(run, "said")}
    rate = said["train.said.rate"]["rate"]
    assert 1e-6 < rate <= 0.1
    assert max(event["lr"] for event in events_of(run, "step")) == pytest.approx(rate, rel=0.01)
