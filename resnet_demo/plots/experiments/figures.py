"""The register of experiments that have figures, and the one way to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from resnet_demo.plots.experiments import degradation, gradients, identity, landscape, paths, schedules, shortcuts
from resnet_demo.plots.experiments.measured import Result

_FIGURES: Mapping[str, Callable[[Result, str], Iterator[str]]] = {
    "degradation": degradation.figures,
    "gradients": gradients.figures,
    "identity": identity.figures,
    "landscape": landscape.figures,
    "paths": paths.figures,
    "schedules": schedules.figures,
    "shortcuts": shortcuts.figures,
    "twins": degradation.figures,
}


def figures(result: Result, language: str) -> str:
    """The figures of a result as HTML: `<figure>`s in a `<div class="figures">`; empty for an experiment without any.

    Args:
        result: what `labs.experiments.run_experiment` yields, the final one or any before it.
        language: of the words.
    """
    drawn = _FIGURES.get(str(result.get("experiment")))
    return f'<div class="figures">{"".join(drawn(result, language))}</div>' if drawn else ""
