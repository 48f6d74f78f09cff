"""What was said of the test photos: kept exactly, read without trust, and the same as the trained model says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resnet_demo.texts import AppError
from resnet_demo.training.labelled_predictions import LabelledPredictions
from resnet_demo.training.run import Run
from resnet_demo.training.run_artefacts import TEST_PREDICTIONS
from tests.training.small_runs import SMALL

CLASSES = ("daisy", "郁金香 <b>", "rose")


def drawn_predictions(photos: int = 4) -> LabelledPredictions:
    draw = np.random.default_rng(0).random((photos, 3))
    return LabelledPredictions(
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
    assert run.artefacts.test_predictions() is None
    kept = drawn_predictions(photos)
    run.artefacts.write_test_predictions(kept)
    found = run.artefacts.test_predictions()
    assert found is not None
    assert (found.files, found.classes, found.unreadable) == (kept.files, CLASSES, ("rose/broken.jpg",))
    assert np.array_equal(found.labels, kept.labels)
    assert np.array_equal(found.probabilities, kept.probabilities)
    assert not list(run.folder.glob(f".{TEST_PREDICTIONS}*"))


def test_the_same_answers_give_the_same_bytes() -> None:
    assert len({drawn_predictions().to_bytes() for _ in range(30)}) == 1


def test_what_cannot_be_read_is_none(run: Run) -> None:
    content = drawn_predictions().to_bytes()
    for broken in (b"", b"{}", content[:-1], content[:40], content.replace(b"labels", b"sabels"), b"PK\3\4" + content):
        (run.folder / TEST_PREDICTIONS).write_bytes(broken)
        assert run.artefacts.test_predictions() is None


def test_answers_of_different_sizes_are_refused() -> None:
    probabilities = np.zeros((2, 3), np.float32)
    for files, labels in ((("a",), [0, 1]), (("a", "b"), [0]), (("a", "b"), [0, 3]), (("a", "b"), [-1, 0])):
        with pytest.raises(ValueError, match=r"sizes|class"):
            LabelledPredictions(files, np.array(labels), probabilities, CLASSES)


def test_correct_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]], np.float32)
    told = LabelledPredictions(("a", "b", "c"), np.array([0, 1, 1]), probabilities, CLASSES)
    assert told.predicted.tolist() == [0, 2, 1]
    assert told.correct == 2


def test_a_look_is_counted_and_leaves_the_state_as_it_is(run: Run) -> None:
    assert run.events.test_set_uses == 0
    run.events.append("finished", test_looks=1)
    run.events.append("looked", test_looks=run.events.test_set_uses + 1)
    assert run.events.test_set_uses == 2
    assert run.state() == "finished"
    assert "2" in run.log.path.read_text(encoding="utf-8").splitlines()[-1]


def test_a_disk_that_refuses_is_a_sentence(run: Run) -> None:
    (run.folder / TEST_PREDICTIONS).mkdir()
    with pytest.raises(AppError) as caught:
        run.artefacts.write_test_predictions(drawn_predictions())
    assert caught.value.message.key == "run.problem.not_written"
