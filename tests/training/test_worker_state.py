"""The worker of a run: its lock ends with it, and a request to stop reaches it."""

from __future__ import annotations

import psutil

from resnet_demo.training.run import Run
from tests.training.other_processes import end, python, wait_for_line


def test_a_forked_child_does_not_keep_the_lock(run: Run) -> None:
    """A worker's children, such as those that decode photos, may outlive it."""
    code = """
from resnet_demo.training.run import Run
with Run(Path(sys.argv[1])).worker.lock():
    if not os.fork():
        print(os.getpid(), flush=True)
    time.sleep(60)
"""
    worker = python(code, run.folder)
    child = psutil.Process(int(wait_for_line(worker)))
    try:
        assert run.worker.lives()
        end(worker)
        assert child.is_running()
        assert not run.worker.lives()
    finally:
        child.kill()


def test_many_lookers_do_not_take_each_other_for_a_worker(run: Run) -> None:
    run.events.append("started")
    with run.worker.lock():
        pass
    code = """
from resnet_demo.training.run import Run
print({Run(Path(sys.argv[1])).state() for _ in range(300)})
"""
    lookers = [python(code, run.folder) for _ in range(3)]
    assert {looker.communicate()[0] for looker in lookers} == {b"{'lost'}\n"}


def test_stop_now_outranks_keep(run: Run) -> None:
    assert run.worker.stop_asked() is None
    run.worker.ask_stop("keep")
    assert run.worker.stop_asked() == "keep"
    run.worker.ask_stop("now")
    run.worker.ask_stop("keep")
    assert run.worker.stop_asked() == "now"
