"""What is found out before the first step, and then stays."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError, text
from resnet_demo.training import precision, run_logger
from resnet_demo.training.distributed import DistributedContext
from resnet_demo.training.loop import train
from resnet_demo.training.memory import Workload
from resnet_demo.training.presets import Start
from resnet_demo.training.run import Run
from resnet_demo.training.run_history import RunHistory
from resnet_demo.training.run_logger import RunLogger
from resnet_demo.training.training_setup import prepare
from tests.training.small_runs import events_of, make_run, settings_in


@pytest.mark.slow
def test_a_precision_that_was_measured_is_kept_from_the_beginning(tmp_path: Path) -> None:
    """Killed before its first checkpoint, it goes on as it had begun, whatever another trial would say."""
    run, distributed = make_run(tmp_path, precision="auto"), DistributedContext(torch.device("cpu"))
    first = prepare(run, settings_in(tmp_path), distributed, RunLogger(run, distributed)).plan.precision
    assert run.checkpoints.newest() is None
    assert [event["precision"] for event in events_of(run, "measured")] == [first]
    other = "float32" if first == "bf16" else "bf16"
    for decided in (first, other):
        run.events.append("measured", precision=decided)
        assert prepare(run, settings_in(tmp_path), distributed, RunLogger(run, distributed)).plan.precision == decided


@pytest.mark.slow
def test_what_takes_time_before_the_first_step_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_logger, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(precision, "may_have_bf16", lambda: True)  # as on another processor
    run = make_run(tmp_path, preset="quick", train_depth="all", range_test=True, batch_size=16, precision="auto")
    prepare(run, settings_in(tmp_path), CPU, RunLogger(run, CPU))
    phases = events_of(run, "phase")
    begun = list(dict.fromkeys(event["phase"] for event in phases))
    assert begun == ["checking", "precision", "reading", "range_test", "first_steps"]
    photos = sum(len(run.facts["split"][part]) for part in ("train", "val"))
    read = [(event["done"], event["total"]) for event in phases if event["phase"] == "reading"]
    assert read == [(done, photos) for done in range(photos + 1)]
    assert run.state() == "lost"  # it has begun, and these events did not move it on
    history = RunHistory(run)
    history.update()
    assert history.phase is not None
    assert history.phase["phase"] == "first_steps"
    lines = run.log.path.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if text("run.phase.reading") in line]) == 1
    again = make_run(tmp_path, "again", batch_size=16, precision="auto")
    prepare(again, settings_in(tmp_path), CPU, RunLogger(again, CPU))
    assert "precision" not in {event["phase"] for event in events_of(again, "phase")}  # found out once for a machine


def test_features_and_validation_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_logger, "STEP_SECONDS", 0.0)
    parent = make_run(tmp_path, "parent", epochs=1)
    train(parent, settings_in(tmp_path))
    run = make_run(
        tmp_path, "run", parent=str(parent.artefacts.best), variant=None, scratch=False, preset="quick", epochs=1
    )
    train(run, settings_in(tmp_path))
    last = {event["phase"]: (event["done"], event["total"]) for event in events_of(run, "phase")}
    counts = {part: len(run.facts["split"][part]) for part in ("train", "val", "test")}
    assert last["features"] == (counts["train"] + counts["val"],) * 2
    assert last["validating"] == (counts["val"],) * 2
    assert last["testing"] == (counts["test"],) * 2


def limited(run: Run, most: int) -> Run:
    """The same run, which may take so many bytes."""
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries["facts"]["max_memory"] = most
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    return Run.open(run.folder)


def needed(run: Run, micro_batches: int) -> int:
    """Bytes that the run needs with so many micro-batches."""
    counts = {name: len(run.facts["split"][name]) for name in ("train", "val", "test")}
    start = Start(scratch=True, input_size=32)
    resolved = run.config.resolved(photos=counts["train"], per_class={}, device="cpu", start=start)
    others = counts["val"] + counts["test"]
    return Workload(resolved, "cifar_resnet20", 3, counts["train"], others).total(micro_batches, 10**12)


def max_micro_batches(run: Run) -> int:
    """How many micro-batches batches of 16 can be split into: a norm takes no single photo."""
    photos = len(run.facts["split"]["train"])
    return math.ceil(photos / math.ceil(photos / 16)) // 2


CPU = DistributedContext(torch.device("cpu"))


def test_batches_are_split_before_memory_runs_out(tmp_path: Path) -> None:
    made = make_run(tmp_path, image_size=160, first_size=160, batch_size=16)
    run = limited(made, needed(made, 4))
    train_state = prepare(run, settings_in(tmp_path), CPU, RunLogger(run, CPU)).train_state
    assert train_state.micro_batching.count == train_state.eval_batching.count == 4
    (said,) = [event["fields"] for event in events_of(run, "said") if event["key"] == "train.said.planned_pieces"]
    assert said["pieces"] == 4
    run.events.append("killed", memory=True, sure=True)
    assert prepare(
        run, settings_in(tmp_path), CPU, RunLogger(run, CPU)
    ).train_state.micro_batching.count == max_micro_batches(run)


def test_after_a_kill_for_memory_micro_batches_are_smaller(tmp_path: Path) -> None:
    run = make_run(tmp_path, batch_size=16)
    assert prepare(run, settings_in(tmp_path), CPU, RunLogger(run, CPU)).train_state.micro_batching.count == 1
    run.events.append("killed", memory=False, sure=True)
    assert prepare(run, settings_in(tmp_path), CPU, RunLogger(run, CPU)).train_state.micro_batching.count == 1
    for micro_batches in (2, 4, max_micro_batches(run), max_micro_batches(run)):
        run.events.append("killed", memory=True, sure=True)
        assert (
            prepare(run, settings_in(tmp_path), CPU, RunLogger(run, CPU)).train_state.micro_batching.count
            == micro_batches
        )


def test_what_cannot_fit_is_refused_before_a_photo_is_read(tmp_path: Path) -> None:
    run = limited(make_run(tmp_path), 100 * MEGABYTE)
    with pytest.raises(AppError) as caught:
        train(run, settings_in(tmp_path))
    assert caught.value.message.key.startswith("train.problem.memory")
    assert caught.value.message.fields["free"] == "0.1"
    assert not events_of(run, "said")


@pytest.mark.slow
def test_rates_can_be_tried_out_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_logger, "STEP_SECONDS", 0.0)
    run = make_run(tmp_path, range_test=True, epochs=1)
    train(run, settings_in(tmp_path))
    said = {event["key"]: event["fields"] for event in events_of(run, "said")}
    rate = said["train.said.rate"]["rate"]
    assert 1e-6 < rate <= 0.1
    assert max(event["lr"] for event in events_of(run, "step")) == pytest.approx(rate, rel=0.01)
