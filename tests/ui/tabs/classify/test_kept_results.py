"""Results kept for a browser that comes again: found by its secret alone, and bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_demo.settings import Settings
from resnet_demo.ui.tabs.classify import kept_results
from resnet_demo.ui.tabs.classify.kept_results import KeptResults
from resnet_demo.ui.tabs.classify.results import Results
from tests.tiny import tiny_model

ONE, OTHER = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


def results(photos: int = 1) -> Results:
    return Results(photos, 5, tiny_model(), max_pixels=10_000)


def test_results_are_found_by_their_visitor_alone() -> None:
    kept, mine = KeptResults(Settings()), results()
    kept.keep(ONE, [], mine)
    kept.keep(None, [], results())
    found = kept.find(ONE)
    assert found is not None
    assert found.results is mine
    assert kept.find(OTHER) is None
    assert kept.find(None) is None


def test_files_stay_as_long_as_anybody_holds_them() -> None:
    kept, mine, newer = KeptResults(Settings()), results(), results()
    kept.keep(ONE, [], mine)
    mine.discard()  # the page was closed
    assert mine.files.folder.is_dir()
    assert kept.find(ONE) is not None  # and opened again
    kept.keep(ONE, [], newer)
    assert mine.files.folder.is_dir()
    mine.discard()
    assert not mine.files.folder.exists()
    assert newer.files.folder.is_dir()


def test_results_are_kept_for_a_while_only() -> None:
    now = 0.0
    kept, mine = KeptResults(Settings(keep_seconds=60), clock=lambda: now), results()
    kept.keep(ONE, [], mine)
    mine.discard()
    now = 61.0
    assert kept.find(OTHER) is None
    assert not mine.files.folder.exists()
    assert kept.find(ONE) is None


@pytest.mark.parametrize(("bound", "most", "photos"), [("MOST_VISITORS", 2, 1), ("MOST_PHOTOS", 20, 10)])
def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch, bound: str, most: int, photos: int) -> None:
    monkeypatch.setattr(kept_results, bound, most)
    kept = KeptResults(Settings())
    for visitor in "abcd":
        kept.keep(visitor * 32, [], results(photos))
    assert [kept.find(visitor * 32) is not None for visitor in "abcd"] == [False, False, True, True]
