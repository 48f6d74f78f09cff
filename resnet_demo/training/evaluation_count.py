"""How often test photos were used: at the end of each training that has the same ones, and later on request."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_demo.texts import AppError
from resnet_demo.training.run import Run


def count_test_set_uses(run: Run, others: Iterable[Run]) -> int:
    """Uses of a run's test photos, by itself and by those of the others that have the same ones."""
    mine = _test_photos(run)
    runs = {other.folder.resolve(): other for other in (*others, run)}
    return sum(uses for other in runs.values() if (uses := _uses(other)) and _test_photos(other) == mine)


def _uses(run: Run) -> int:
    try:
        return run.events.test_set_uses
    except AppError:  # it cannot be read any more
        return 0


def _test_photos(run: Run) -> tuple[object, object]:
    try:
        data = run.facts["data"]
        # By the rule that runs of earlier versions know them by too.
        return data.get("ends_fingerprint", data["fingerprint"]), run.facts["split"]["test"]
    except (KeyError, TypeError, AttributeError):
        return None, run.folder  # like no other's
