"""What a run has made is whole, whenever its worker is killed."""

from __future__ import annotations

import random
import time

import pytest

from resnet_demo.training.run import Run
from tests.training.other_processes import end, python, wait_for_line


@pytest.mark.slow
def test_killed_at_any_instant_leaves_a_whole_checkpoint_and_model(run: Run) -> None:
    code = """
from resnet_demo.training.run import Run
run, step = Run(Path(sys.argv[1])), int(sys.argv[2])
run.clean_up()
while True:
    step += 1
    with run.checkpoints.write(step) as folder:
        for name in "abc":
            (folder / name).write_text(str(step) * 1000)
    with run.artefacts.new_best() as folder:
        folder.mkdir()
        (folder / "model").write_text(str(step))
    print(step, flush=True)
"""
    step = 0
    for _ in range(10):
        worker = python(code, run.folder, step)
        wait_for_line(worker)
        time.sleep(random.uniform(0, 0.05))
        end(worker)
        newest = run.checkpoints.newest()
        assert newest is not None
        assert int(newest.name.removeprefix("last-")) > step
        step = int(newest.name.removeprefix("last-"))
        assert {(newest / name).read_text() for name in "abc"} == {str(step) * 1000}
        run.clean_up()
        assert int((run.artefacts.best / "model").read_text()) in {step - 1, step}
