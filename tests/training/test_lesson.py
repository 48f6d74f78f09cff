"""What is found out before the first step, and then stays."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from resnet_demo.settings import MEGABYTE
from resnet_demo.texts import AppError
from resnet_demo.training import journal
from resnet_demo.training.journal import Journal
from resnet_demo.training.lesson import prepare
from resnet_demo.training.loop import train
from resnet_demo.training.memory import Work
from resnet_demo.training.presets import Start
from resnet_demo.training.ranks import Ranks
from resnet_demo.training.run import Run
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


def limited(run: Run, most: int) -> Run:
    """The same run, which may take so many bytes."""
    entries = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    entries["facts"]["max_memory"] = most
    (run.folder / "config.json").write_text(json.dumps(entries), encoding="utf-8")
    return Run.open(run.folder)


def needed(run: Run, pieces: int) -> int:
    """Bytes that the run needs with its batches in so many pieces."""
    counts = {name: len(run.facts["split"][name]) for name in ("train", "val", "test")}
    start = Start(scratch=True, input_size=32)
    settled = run.config.resolved(photos=counts["train"], per_class={}, device="cpu", start=start)
    others = counts["val"] + counts["test"]
    return Work(settled, "cifar_resnet20", 3, counts["train"], others).total(pieces, 10**12)


def most_pieces(run: Run) -> int:
    """Into how many pieces batches of 16 can be cut: a norm takes no single photo."""
    photos = len(run.facts["split"]["train"])
    return math.ceil(photos / math.ceil(photos / 16)) // 2


CPU = Ranks(torch.device("cpu"))


def test_batches_are_cut_before_memory_runs_out(tmp_path: Path) -> None:
    made = make_run(tmp_path, image_size=160, first_size=160, batch_size=16, precision="float32")
    run = limited(made, needed(made, 4))
    learner = prepare(run, settings_in(tmp_path), CPU, Journal(run, CPU)).learner
    assert learner.pieces.number == learner.looks.number == 4
    (said,) = [event["fields"] for event in events_of(run, "said") if event["key"] == "train.said.planned_pieces"]
    assert said["pieces"] == 4
    run.append("killed", memory=True, sure=True)
    assert prepare(run, settings_in(tmp_path), CPU, Journal(run, CPU)).learner.pieces.number == most_pieces(run)


def test_after_a_kill_for_memory_pieces_are_smaller(tmp_path: Path) -> None:
    run = make_run(tmp_path, precision="float32", batch_size=16)
    assert prepare(run, settings_in(tmp_path), CPU, Journal(run, CPU)).learner.pieces.number == 1
    run.append("killed", memory=False, sure=True)
    assert prepare(run, settings_in(tmp_path), CPU, Journal(run, CPU)).learner.pieces.number == 1
    for pieces in (2, 4, most_pieces(run), most_pieces(run)):
        run.append("killed", memory=True, sure=True)
        assert prepare(run, settings_in(tmp_path), CPU, Journal(run, CPU)).learner.pieces.number == pieces


def test_what_cannot_fit_is_refused_before_a_photo_is_read(tmp_path: Path) -> None:
    run = limited(make_run(tmp_path, precision="float32"), 100 * MEGABYTE)
    with pytest.raises(AppError) as caught:
        train(run, settings_in(tmp_path))
    assert caught.value.message.key.startswith("train.problem.memory")
    assert caught.value.message.fields["free"] == "0.1"
    assert not events_of(run, "said")


@pytest.mark.slow
def test_rates_can_be_tried_out_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "STEP_SECONDS", 0.0)
    run = make_run(tmp_path, range_test=True, epochs=1)
    train(run, settings_in(tmp_path))
    said = {event["key"]: event["fields"] for event in events_of(run, "said")}
    rate = said["train.said.rate"]["rate"]
    assert 1e-6 < rate <= 0.1
    assert max(event["lr"] for event in events_of(run, "step")) == pytest.approx(rate, rel=0.01)
