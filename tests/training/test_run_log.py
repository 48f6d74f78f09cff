"""The log of a run: sentences for people."""

from __future__ import annotations

from resnet_demo.training.run import Run


def test_the_log_is_for_people(run: Run) -> None:
    run.events.append("started")
    run.events.append("step", step=1, loss=0.5)
    run.events.append(
        "epoch", epoch=1, epochs=3, train_loss=1.5, val_loss=1.0, val_accuracy=0.914, val_photos=375, best=True
    )
    run.events.append("failed", key="of.a.later.version", fields={"x": 1})
    said = [line.split("  ", 1)[1] for line in run.log.path.read_text(encoding="utf-8").splitlines()]
    assert said[1:] == [
        "Training.",
        "Epoch 1 of 3: loss 1.500; validation accuracy 91.4 % of 375 photos, the best so far.",
        "Failed: of.a.later.version",
    ]
