"""Figures read as a browser would, and results to draw: shipped ones, and small ones made by hand."""

from __future__ import annotations

import re
from typing import Any

from resnet_demo.labs.experiments import EXPERIMENTS
from resnet_demo.labs.shipped import shipped_results
from resnet_demo.plots.curves import COLOURS
from resnet_demo.plots.experiments.figures import figures
from tests.plots.drawn_svg import Node, all_of, read

Result = dict[str, Any]
DRAWN_ELSEWHERE = {"blocks", "family"}
"""By the part of the Learn tab on architectures."""
SHIPPED_RESULTS: dict[str, Result] = {
    stem: result
    for name in EXPERIMENTS
    if name not in DRAWN_ELSEWHERE
    for stem, result in shipped_results(name).items()
}


def figures_of(result: Result, language: str = "en") -> list[Node]:
    """Every `<figure>` of a result; fails on markup that is not well formed."""
    whole = read(figures(result, language))
    assert (whole.tag, whole.attrib) == ("div", {"class": "figures"})
    assert all(child.tag == "figure" for child in whole)
    return list(whole)


def svg(figure: Node) -> Node:
    """The picture of a figure."""
    [found] = all_of(figure, "svg")
    return found


def caption(figure: Node) -> str:
    """All words of its caption."""
    found = figure.find("figcaption")
    assert found is not None
    return "".join(found.itertext())


def alt_text(figure: Node) -> str:
    """What its picture says to screen readers."""
    return next(node.attrib["aria-label"] for node in figure.iter() if "aria-label" in node.attrib)


def cells(figure: Node) -> list[list[str]]:
    """The rows of its table, the header first."""
    return [["".join(cell.itertext()) for cell in row] for row in figure.iter("tr")]


def line(figure: Node, style: int, *, thin: bool = False) -> list[list[list[tuple[float, float]]]]:
    """The strokes in a style, each as its pieces between gaps, each of these as places (x, y)."""
    return [
        [
            [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", piece)]
            for piece in path.attrib["d"].split("M")[1:]
        ]
        for path in all_of(svg(figure), "path")
        if path.get("stroke") == COLOURS[style]
        and "h" not in path.attrib["d"]  # that is the legend's
        and (path.get("stroke-opacity") is not None) == thin
    ]


def grid(figure: Node) -> dict[str, float]:
    """The heights of the grid lines by their labels."""
    labels = {
        float(node.attrib["y"]): node.text or ""
        for node in all_of(svg(figure), "text")
        if node.get("text-anchor") == "end"
    }
    heights = [
        float(found[1])
        for path in all_of(svg(figure), "path")
        if path.get("stroke") == "currentColor" and (found := re.fullmatch(r"M\S+ (\S+)H\S+", path.attrib["d"]))
    ]
    return {written: min(heights, key=lambda height: abs(height + 3.85 - y)) for y, written in labels.items()}


def curve(kind: str, depth: int, seed: int, errors: list[float], test: list[float] | None = None) -> Result:
    """A training as `degradation` has it."""
    losses = [2 * error for error in errors]
    return {
        "kind": kind,
        "depth": depth,
        "seed": seed,
        "train_loss": losses,
        "train_error": errors,
        "test_error": test or errors,
    }


def probe(layer: str) -> Result:
    """The loss as one weight moves, as `landscape` has it."""
    return {"layer": layer, "index": 1, "weight": -2.0, "values": [2.0, -2.0, -6.0], "losses": [3.0, 1.0, 2.0]}


DEGRADATION: Result = {
    "experiment": "degradation",
    "settings": {"epochs": 4},
    "curves": [
        curve("plain", 20, 0, [0.8, 0.6, 0.4, 0.2]),
        curve("residual", 20, 0, [0.8, 0.4, 0.2, 0.1]),
        curve("plain", 56, 0, [0.9, 0.8, 0.7, 0.5]),
        curve("residual", 56, 0, [0.8, 0.4, 0.1, 0.05]),
        curve("plain", 20, 1, [0.6, 0.4, 0.2, 0.1]),
    ],
}
LANDSCAPE: Result = {
    "experiment": "landscape",
    "settings": {"points": 3, "reach": 0.5},
    "surfaces": [
        {
            "kind": "plain",
            "seed": 0,
            "train_error": [0.5],
            "rows": [[100.0, 10.0, 100.0], [10.0, 1.0, 10.0], [100.0, None, 100.0]],
            "roughness": 0.25,
            "basin": 0.125,
            "probes": [probe("layer1.0.conv1.weight"), probe("layer3.0.conv2.weight")],
        },
        {"kind": "residual", "seed": 0, "train_error": [0.5], "rows": [[4.0, 2.0, 4.0], [2.0, 1.0, 2.0]]},
    ],
}
PATHS: Result = {
    "experiment": "paths",
    "blocks": 3,
    "path_counts": [1, 3, 3, 1],
    "usual_lengths": [1, 2],
    "networks": [
        {
            "kind": "residual",
            "seed": 0,
            "without_each": {"": 0.1, "stage1.0": 0.3, "stage2.1": 0.1},
            "removals": [{"removed": 1, "errors": [0.1, 0.3]}, {"removed": 2, "errors": [0.5]}],
            "shuffles": [{"tau": 1.0, "error": 0.1}, {"tau": 0.5, "error": 0.6}],
            "gradients": [
                {"length": n, "paths": c, "norm": g} for n, c, g in ((0, 1, 6.0), (1, 3, 1.0), (2, 3, 0.0), (3, 1, 1.0))
            ],
        },
        {
            "kind": "plain",
            "seed": 0,
            "without_each": {"": 0.2, "stage1.0": 0.8, "stage2.1": 0.9},
            "removals": [{"removed": 1, "errors": [0.8]}],
            "shuffles": [{"tau": 1.0, "error": 0.2}, {"tau": 0.5, "error": 0.9}],
        },
    ],
}
SCHEDULES: Result = {
    "experiment": "schedules",
    "settings": {"epochs": 2, "label_smoothing": 0.1},
    "rates": {"all": [0.1, 0.2, 0.1, 0.0], "no_warmup": [0.2, 0.15, 0.1, 0.0], "no_cosine": [0.1, 0.2, 0.2, 0.2]},
    "targets": [0.92, 0.02, 0.02, 0.02, 0.02],
    "best_logits_gap": 3.83,
    "weights": {"decayed_tensors": 8, "decayed_numbers": 74800, "other_tensors": 15, "other_numbers": 490},
    "trainings": [
        {"name": "all", "train_loss": [1.0, 0.5], "train_error": [0.5, 0.25], "test_error": [0.6, 0.3]},
        {"name": "no_warmup"},
    ],
}
SHORTCUTS: Result = {
    "experiment": "shortcuts",
    "settings": {"depth": 20},
    "variants": [
        {"name": "identity", "table": 1, "seed": 0, "test_error": [0.9, 0.2], "published": 6.61},
        {"name": "dropout", "table": 1, "seed": 0, "test_error": [0.9, 0.5], "published": None},
        {"name": "identity", "table": 1, "seed": 1, "test_error": [0.9, 0.4], "published": 6.61},
    ],
}
TWINS: Result = {
    "experiment": "twins",
    "settings": {"epochs": 3},
    "curves": [curve("plain", 32, 0, [0.8, 0.7, 0.6]), curve("residual", 32, 0, [0.8, 0.5])],
}
BY_HAND = (DEGRADATION, LANDSCAPE, PATHS, SCHEDULES, SHORTCUTS, TWINS)
EVERY_RESULT: dict[str, Result] = SHIPPED_RESULTS | {f"{result['experiment']}-by-hand": result for result in BY_HAND}
