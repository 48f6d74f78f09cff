"""Results of experiments that come with the app: measured by us, each a file with command, machine and seconds."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from resnet_demo.settings import ASSETS

SHIPPED = ASSETS / "labs"


def shipped_results(name: str, folder: Path = SHIPPED) -> dict[str, dict[str, Any]]:
    """The shipped results of an experiment by the name of their files, `degradation-cifar10`, in order.

    Each is what `experiments.run_experiment` yielded last; one may have a `note` besides, on what was made simpler.
    """
    return {stem: result for stem, result in _all(folder).items() if result["experiment"] == name}


@cache
def _all(folder: Path) -> dict[str, dict[str, Any]]:
    """Every result by the name of its file; they never change."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
