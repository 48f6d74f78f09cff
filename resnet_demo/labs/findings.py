"""What the result of an experiment shows, in a few numbers for a sentence: the text is `learn.<experiment>.shows`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

Result = Mapping[str, Any]
Fields = dict[str, str]


def finding_fields(result: Result) -> Fields | None:
    """The fields of the sentence; None as long as the result does not have all that it tells of."""
    try:
        return _FIELDS[result["experiment"]](result)
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError):  # not there yet
        return None


def _percent(values: Iterable[float]) -> str:
    return f"{100 * fmean(values):.1f}"


def _of(rows: Iterable[Result], **wanted: object) -> list[Result]:
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _last(rows: Sequence[Result], name: str = "train_error") -> str:
    return _percent(row[name][-1] for row in rows)


def _degradation(result: Result) -> Fields:
    settings, curves = result["settings"], result["curves"]
    fields = {"shallow": str(settings["shallow"]), "deep": str(settings["deep"]), "seeds": str(settings["seeds"])}
    for kind in ("plain", "residual"):
        for depth in ("shallow", "deep"):
            rows = _of(curves, kind=kind, depth=settings[depth])
            if any(len(row["train_error"]) < settings["epochs"] for row in rows):
                raise ValueError(kind)
            fields[f"{kind}_{depth}"] = _last(rows)
    return fields


def _signed(value: float, spec: str = ".2f") -> str:
    """A number with a minus, where it has one, instead of a hyphen."""
    return f"{value:{spec}}".replace("-", "−")


def _gradients(result: Result) -> Fields:
    def ratio(kind: str, init: str, *, norms: bool) -> str:
        [row] = _of(result["networks"], kind=kind, init=init, norms=norms)
        value = row["first_to_last"]
        return "0" if value is None else _signed(value, ",.2g") if value < 100 else f"{value:,.0f}"

    return {
        "depth": str(result["settings"]["depth"]),
        "normed": ratio("plain", "kaiming", norms=True),
        "bare": ratio("plain", "kaiming", norms=False),
        "naive": ratio("plain", "naive", norms=False),
        "residual": ratio("residual", "kaiming", norms=True),
    }


def _identity(result: Result) -> Fields:
    [first] = _of(result["branches"], zero_init=False, epoch=0)
    ratios = [ratio for name, ratio in first["ratios"].items() if name.startswith("stage1.")]
    return {
        "depth": str(result["settings"]["depth"]),
        "first": f"{ratios[0]:.2f}",
        "last": f"{ratios[-1]:.2f}",
        "exponent": _signed(first["exponent"]),
    }


def _shortcuts(result: Result) -> Fields:
    errors = {
        name: _last(_of(result["variants"], name=name), "test_error")
        for name in dict.fromkeys(row["name"] for row in result["variants"])
    }
    return {
        "depth": str(result["settings"]["depth"]),
        **{name: errors[name] for name in ("identity", "constant", "exclusive_gate", "preactivation")},
    }


def _paths(result: Result) -> Fields:
    fields = {"depth": str(result["settings"]["depth"])}
    for kind in ("residual", "plain"):
        rows = _of(result["networks"], kind=kind)
        fields[kind] = _percent(row["without_each"][""] for row in rows)
        fields[f"{kind}_without"] = _percent(
            error for row in rows for name, error in row["without_each"].items() if name
        )
    return fields


def _landscape(result: Result) -> Fields:
    fields = {"depth": str(result["settings"]["depth"])}
    for kind in ("residual", "plain"):
        rows = _of(result["surfaces"], kind=kind)
        fields[kind] = _percent(row["roughness"] for row in rows)
        fields[f"{kind}_basin"] = _percent(row["basin"] for row in rows)
        fields[f"{kind}_error"] = _last(rows)
    return fields


def _schedules(result: Result) -> Fields:
    errors = {row["name"]: f"{100 * row['test_error'][-1]:.1f}" for row in result["trainings"]}
    return {"depth": str(result["settings"]["depth"]), **errors}


def _twins(result: Result) -> Fields:
    [plain], [residual] = (_of(result["curves"], kind=kind) for kind in ("plain", "residual"))
    return {
        "depth": str(result["settings"]["depth"]),
        "plain": _last([plain]),
        "residual": _last([residual]),
        "epochs": str(len(residual["train_error"])),
    }


_FIELDS: Mapping[str, Callable[[Result], Fields]] = {
    "degradation": _degradation,
    "gradients": _gradients,
    "identity": _identity,
    "landscape": _landscape,
    "paths": _paths,
    "schedules": _schedules,
    "shortcuts": _shortcuts,
    "twins": _twins,
}


def right_option(result: Result) -> int | None:
    """The number of the option, `learn.<experiment>.option.<number>`, that a result bears out; None if it does none."""
    try:
        return _RIGHT[result["experiment"]](result)
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError):
        return None


def _compared(value: float, other: float, factor: float) -> int:
    """0: smaller by more than the factor; 1: about as large; 2: larger."""
    return 0 if value * factor < other else 2 if value > other * factor else 1


def _right_degradation(result: Result) -> int:
    return {True: 2, False: 1}[result["findings"]["plain"]["deeper_is_worse"]]


def _right_gradients(result: Result) -> int:
    [row] = _of(result["networks"], kind="plain", init="kaiming", norms=True)
    return _compared(row["gradient_norms"][0], row["gradient_norms"][-1], 10)


def _right_identity(result: Result) -> int:
    [first] = _of(result["branches"], zero_init=False, epoch=0)
    ratios = [ratio for name, ratio in first["ratios"].items() if name.startswith("stage1.")]
    return _compared(ratios[-1], ratios[0], 1.25)


def _right_shortcuts(result: Result) -> int:
    changed = ("constant", "exclusive_gate", "shortcut_gate", "convolution", "dropout")
    errors = {
        name: fmean(row["test_error"][-1] for row in _of(result["variants"], name=name))
        for name in ("identity", *changed)
    }
    return _compared(fmean(errors[name] for name in changed), errors["identity"], 1.2)


def _right_paths(result: Result) -> int | None:
    def is_hurt(kind: str) -> bool:
        fields = _paths(result)
        return float(fields[f"{kind}_without"]) > 2 * float(fields[kind]) and float(fields[f"{kind}_without"]) > 20

    return {(True, True): 0, (False, True): 1, (False, False): 2}.get((is_hurt("residual"), is_hurt("plain")))


def _right_landscape(result: Result) -> int:
    rough = {kind: fmean(row["roughness"] for row in _of(result["surfaces"], kind=kind)) for kind in _TWINS}
    return _compared(rough["residual"], rough["plain"], 1.25)


def _right_schedules(result: Result) -> int | None:
    names = ("no_warmup", "no_cosine", "no_smoothing", "no_decay")
    errors = {row["name"]: row["test_error"][-1] for row in result["trainings"]}
    worst = max(names, key=lambda name: errors[name])
    return names.index(worst) if errors[worst] > errors["all"] + _CLEAR else len(names)


def _right_twins(result: Result) -> int:
    plain, residual = (_of(result["curves"], kind=kind)[0]["train_error"][-1] for kind in _TWINS)
    return 1 if abs(plain - residual) <= _CLEAR else 0 if plain < residual else 2


_TWINS = ("plain", "residual")
_CLEAR = 0.01
"""A point: networks that differ by less are about the same."""
_RIGHT: Mapping[str, Callable[[Result], int | None]] = {
    "degradation": _right_degradation,
    "gradients": _right_gradients,
    "identity": _right_identity,
    "landscape": _right_landscape,
    "paths": _right_paths,
    "schedules": _right_schedules,
    "shortcuts": _right_shortcuts,
    "twins": _right_twins,
}
