"""The numbers of a result's sentence, and which guess it bears out."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from resnet_demo.labs.findings import finding_fields, right_option
from resnet_demo.labs.shipped import shipped_results
from resnet_demo.texts import LANGUAGES, all_texts, text

QUESTIONS = sorted(
    key.split(".")[1] for key in all_texts("en") if key.startswith("learn.") and key.endswith(".question")
)
SHIPPED = [(stem, result) for name in QUESTIONS for stem, result in shipped_results(name).items()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("result", [pytest.param(result, id=stem) for stem, result in SHIPPED])
def test_every_shipped_result_has_its_sentence(result: dict[str, Any], language: str) -> None:
    fields = finding_fields(result)
    assert fields is not None
    said = text(f"learn.{result['experiment']}.shows", language, **fields)
    assert "{" not in said
    right = right_option(result)
    assert right is None or f"learn.{result['experiment']}.option.{right}" in all_texts(language)


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_is_said_of_what_is_not_there(name: str) -> None:
    for figures in ({}, {"curves": []}, {"networks": []}, {"settings": {"shallow": 20, "deep": 56, "seeds": 1}}):
        assert finding_fields({"experiment": name, **figures}) is None
        assert right_option({"experiment": name, **figures}) is None


def degradation(errors: dict[tuple[str, int], float]) -> dict[str, Any]:
    return {
        "experiment": "degradation",
        "settings": {"shallow": 8, "deep": 14, "seeds": 1, "epochs": 1},
        "curves": [{"kind": kind, "depth": depth, "train_error": [value]} for (kind, depth), value in errors.items()],
        "findings": {"plain": {"deeper_is_worse": errors["plain", 14] > errors["plain", 8]}},
    }


def test_the_sentence_of_degradation_by_hand() -> None:
    result = degradation({("plain", 8): 0.1, ("plain", 14): 0.5, ("residual", 8): 0.021, ("residual", 14): 0.0})
    fields = finding_fields(result)
    assert fields is not None
    found = [fields[name] for name in ("plain_shallow", "plain_deep", "residual_shallow", "residual_deep")]
    assert found == ["10.0", "50.0", "2.1", "0.0"]
    assert right_option(result) == 2
    unfinished = copy.deepcopy(result)
    unfinished["settings"]["epochs"] = 2
    assert finding_fields(unfinished) is None


@pytest.mark.parametrize(("first", "right"), [(0.01, 0), (0.5, 1), (9.0, 1), (11.0, 2)])
def test_which_guess_about_gradients_is_right(first: float, right: int) -> None:
    row = {"kind": "plain", "init": "kaiming", "norms": True, "gradient_norms": [first, 1.0]}
    assert right_option({"experiment": "gradients", "networks": [row]}) == right


@pytest.mark.parametrize(
    ("residual", "plain", "right"), [(0.5, 0.5, 0), (0.06, 0.7, 1), (0.06, 0.35, 2), (0.5, 0.32, None)]
)
def test_which_guess_about_paths_is_right(residual: float, plain: float, right: int | None) -> None:
    rows = [
        {"kind": kind, "without_each": {"": own, "a": without, "b": without}}
        for kind, own, without in (("residual", 0.02, residual), ("plain", 0.3 if plain == 0.35 else 0.2, plain))
    ]
    if plain == 0.32:
        rows[1]["without_each"] = {"": 0.3, "a": 0.32}
    assert right_option({"experiment": "paths", "settings": {"depth": 8}, "networks": rows}) == right


@pytest.mark.parametrize(("residual", "right"), [(0.0, 0), (0.07, 0), (0.1, 1), (0.12, 1), (0.3, 2)])
def test_which_guess_about_the_landscape_is_right(residual: float, right: int) -> None:
    shares = {"residual": residual, "plain": 0.1}
    rows = [{"kind": kind, "roughness": share, "basin": 0.5, "train_error": [0.1]} for kind, share in shares.items()]
    assert right_option({"experiment": "landscape", "surfaces": rows}) == right
