"""Words and numbers of a result, as its figures write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

from resnet_demo.texts import text

NONE = "–"


def number(value: float | None, form: str = ".3g") -> str:
    """A number; a dash for None, which is what is not finite, or not measured yet."""
    return NONE if value is None else format(value, form)


def rounded(value: float | None) -> str:
    """A number with two digits that count, in powers of ten only where it is very large or small: 4200, 1.6e−50."""
    return NONE if value is None else f"{float(f'{value:.2g}'):g}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share from 0 to 1 in percent."""
    return NONE if value is None else f"{100 * value:.1f} %"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def kind_name(kind: object, language: str) -> str:
    """What a kind of network is called; any other word stays as it is."""
    return _known(lambda: text(f"lab.kind.{kind}", language), kind)


def variant_name(variant: object, language: str) -> str:
    """What a variant of the shortcut is called."""
    return _known(lambda: text(f"lab.variant.{variant}", language), variant)


def part_name(part: object, language: str) -> str:
    """What a training without one part of the recipe is called."""
    return _known(lambda: text(f"lab.part.{part}", language), part)


def verdict_name(verdict: object, language: str) -> str:
    """What became of a gradient."""
    return _known(lambda: text(f"lab.verdict.{verdict}", language), verdict)


def _known(say: Callable[[], str], name: object) -> str:
    try:
        return say()
    except KeyError:
        return str(name)


def column(name: str, language: str) -> str:
    """The heading of a column."""
    return text(f"lab.column.{name}", language)


def listed(pairs: Iterable[tuple[str, str]], language: str) -> str:
    """Names with what is said of each, one after the other."""
    items = [text("plots.lab.item", language, name=name, value=value) for name, value in pairs]
    return enumerated(items, language)


def enumerated(items: Sequence[str], language: str) -> str:
    """Several things in one sentence; a dash for none."""
    if not items:
        return NONE
    return reduce(lambda first, second: text("plots.lab.and", language, first=first, second=second), items)


def alt(title: str, pairs: Iterable[tuple[str, str]], language: str) -> str:
    """A picture in words: what it shows, and its main numbers."""
    return text("plots.lab.alt", language, title=title, listed=listed(pairs, language))


def left_out(names: Sequence[str], language: str) -> list[str]:
    """The sentence that says what is not drawn since it is no finite number; none if everything is."""
    return [text("plots.lab.left_out", language, names=enumerated(names, language))] if names else []
