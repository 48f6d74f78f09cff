"""How often test photos were looked at: at the end of each training that has the same ones, and later on request."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_demo.texts import AppError
from resnet_demo.training.run import Run


def looks_of(run: Run, others: Iterable[Run]) -> int:
    """Looks at a run's test photos, by itself and by those of the others that have the same ones."""
    mine = _test_photos(run)
    runs = {other.folder.resolve(): other for other in (*others, run)}
    return sum(looks for other in runs.values() if (looks := _looks(other)) and _test_photos(other) == mine)


def _looks(run: Run) -> int:
    try:
        return run.test_looks
    except AppError:  # it cannot be read any more
        return 0


def _test_photos(run: Run) -> tuple[object, object]:
    try:
        data = run.facts["data"]
        # By the rule that runs of earlier versions know them by too.
        return data.get("ends_fingerprint", data["fingerprint"]), run.facts["split"]["test"]
    except (KeyError, TypeError, AttributeError):
        return None, run.folder  # like no other's
