"""What was said of the test photos: kept exactly, read without trust, and the same as the trained model says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resnet_demo.texts import AppError
from resnet_demo.training.answers import Answers
from resnet_demo.training.run import ANSWERS, Run
from tests.training.schoolroom import SMALL

CLASSES = ("daisy", "郁金香 <b>", "rose")


def answers(photos: int = 4) -> Answers:
    draw = np.random.default_rng(0).random((photos, 3))
    return Answers(
        files=tuple(f"rose/{number}\udc80.jpg" for number in range(photos)),
        labels=np.arange(photos) % 3,
        probabilities=(draw / draw.sum(axis=1, keepdims=True)).astype(np.float32),
        classes=CLASSES,
        unreadable=("rose/broken.jpg",),
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, SMALL, {})


@pytest.mark.parametrize("photos", [0, 1, 4])
def test_a_run_keeps_them_as_they_were(run: Run, photos: int) -> None:
    assert run.answers() is None
    kept = answers(photos)
    run.write_answers(kept)
    found = run.answers()
    assert found is not None
    assert (found.files, found.classes, found.unreadable) == (kept.files, CLASSES, ("rose/broken.jpg",))
    assert np.array_equal(found.labels, kept.labels)
    assert np.array_equal(found.probabilities, kept.probabilities)
    assert not list(run.folder.glob(f".{ANSWERS}*"))


def test_the_same_answers_give_the_same_bytes() -> None:
    assert len({answers().to_bytes() for _ in range(30)}) == 1


def test_what_cannot_be_read_is_none(run: Run) -> None:
    content = answers().to_bytes()
    for broken in (b"", b"{}", content[:-1], content[:40], content.replace(b"labels", b"sabels"), b"PK\3\4" + content):
        (run.folder / ANSWERS).write_bytes(broken)
        assert run.answers() is None


def test_answers_of_different_sizes_are_refused() -> None:
    probabilities = np.zeros((2, 3), np.float32)
    for files, labels in ((("a",), [0, 1]), (("a", "b"), [0]), (("a", "b"), [0, 3]), (("a", "b"), [-1, 0])):
        with pytest.raises(ValueError, match=r"sizes|class"):
            Answers(files, np.array(labels), probabilities, CLASSES)


def test_correct_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]], np.float32)
    told = Answers(("a", "b", "c"), np.array([0, 1, 1]), probabilities, CLASSES)
    assert told.said.tolist() == [0, 2, 1]
    assert told.correct == 2


def test_a_look_is_counted_and_leaves_the_state_as_it_is(run: Run) -> None:
    assert run.test_looks == 0
    run.append("finished", test_looks=1)
    run.append("looked", test_looks=run.test_looks + 1)
    assert run.test_looks == 2
    assert run.state() == "finished"
    assert "2" in run.log.read_text(encoding="utf-8").splitlines()[-1]


def test_a_disk_that_refuses_is_a_sentence(run: Run) -> None:
    (run.folder / ANSWERS).mkdir()
    with pytest.raises(AppError) as caught:
        run.write_answers(answers())
    assert caught.value.message.key == "run.problem.not_written"
