"""The dataset report as HTML: how many photos, what stands out, and pictures of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from resnet_demo.data.file_names import display_name
from resnet_demo.data.images import Problem
from resnet_demo.data.understood import passed_over, understood
from resnet_demo.plots.class_counts import Bar, class_counts
from resnet_demo.texts import Message
from resnet_demo.ui.components.term import term
from resnet_demo.ui.tabs.finetune.dataset_report import DatasetReport
from resnet_demo.ui.visitor_context import current_language, say

PROBLEMS_SHOWN = 50
PARTS = {"train": "training_photos", "val": "validation_photos", "test": "test_photos"}
"""The terms that explain them."""


def heading(report: DatasetReport) -> str:
    """The data set's name, and how many photos and classes it has."""
    title = say(
        "photos.report.title" if len(report.dataset.classes) > 1 else "photos.report.title_one",
        photos=f"{report.facts.photos:,}",
        classes=f"{len(report.dataset.classes):,}",
    )
    return f"<h2>{escape(report.dataset.name)}</h2><p>{escape(title)}</p>"


def as_html(report: DatasetReport) -> str:
    """The report below its heading."""
    return (
        f"{_said(report)}"
        f"<div class='pair'><div>{_picture(report)}</div>{_facts(report)}</div>"
        f"{''.join(_details(report))}"
    )


def _said(report: DatasetReport) -> str:
    """What was understood and what stands out; first what keeps the photos from being divided."""
    layout = (*understood(report.dataset), *passed_over(report.dataset.layout))
    said = [*report.notes, *layout, *report.facts.findings]
    stops = [report.split] if isinstance(report.split, Message) else []
    items = [f"<li class='stops'>{escape(message.say(current_language()))}</li>" for message in stops]
    items += [f"<li>{escape(message.say(current_language()))}</li>" for message in said]
    return f"<ul class='said'>{''.join(items)}</ul>"


def _picture(report: DatasetReport) -> str:
    """How many photos each class has, and in which part they would be."""
    bars = [Bar(name, parts) for name, parts in zip(report.dataset.classes, report.per_class(), strict=True)]
    parts = list(PARTS)[: None if len(bars[0].counts) > 1 else 1]
    most, fewest = (pick(bars, key=lambda bar: bar.total) for pick in (max, min))
    said = say(
        "photos.report.picture",
        classes=len(bars),
        most=most.total,
        largest=most.name,
        fewest=fewest.total,
        smallest=fewest.name,
    )

    def between(rest: Sequence[Bar]) -> str:
        totals = [bar.total for bar in rest]
        return say("photos.report.between", classes=len(rest), fewest=min(totals), most=max(totals))

    return class_counts(bars, [say(f"photos.split.{part}") for part in parts], alt_text=said, between=between)


def _facts(report: DatasetReport) -> str:
    rows = "".join(f"<dt>{_fact(name)}</dt><dd>{escape(value)}</dd>" for name, value in _values(report))
    return f"<dl>{rows}</dl>"


def _fact(name: str) -> str:
    said = say(f"photos.fact.{name}")
    return term(PARTS[name], said) if name in PARTS else escape(said)


def _values(report: DatasetReport) -> Iterator[tuple[str, str]]:
    parts = [sum(part) for part in zip(*report.per_class(), strict=True)]
    if not isinstance(report.split, Message):
        for part, count in zip(PARTS, parts, strict=True):
            yield part, f"{count:,}"
        given = any(photo.split for photo in report.dataset.photos)
        divided = "given" if given else "drawn"
        yield "divided", say(f"photos.divided.{divided}", seed=report.split.seed)
    yield "formats", ", ".join(f"{kind} {count:,}" for kind, count in report.facts.formats.items())
    smallest, middle, largest = (f"{width} × {height}" for width, height in report.facts.sizes)
    sizes = {"smallest": smallest, "middle": middle, "largest": largest}
    yield "sizes", smallest if smallest == largest else say("photos.sizes", **sizes)
    if report.ignored:
        yield "ignored", f"{report.ignored:,}"


def _details(report: DatasetReport) -> Iterator[str]:
    """What can be unfolded: the files that cannot be read, and pictures of what stands out."""
    if report.problems:
        yield _fold(say("photos.unreadable", count=len(report.problems)), _table(report.problems))
    everything = {
        "two_classes": len(report.facts.two_classes),
        "leaks": len(report.facts.leaks),
        "exact": len(report.facts.exact),
        "near": len(report.facts.near),
        "tiny": len(report.facts.tiny),
        "extreme": len(report.facts.extreme),
    }
    for kind, groups in report.shown.items():
        count = everything[kind]
        title = say(f"photos.kind.{kind}", count=count)
        pictures = "".join(f"<div class='group'>{_figures(report, group)}</div>" for group in groups)
        single = kind in {"tiny", "extreme"}
        left = count - (len(groups[0]) if single else len(groups))
        yield _fold(title, pictures + _rest(left))


def _fold(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _figures(report: DatasetReport, indices: Iterable[int]) -> str:
    return "".join(_figure(report, index) for index in indices)


def _figure(report: DatasetReport, index: int) -> str:
    photo = report.dataset.photos[index]
    label, path = report.dataset.classes[photo.label], display_name(photo.path)
    part = "" if photo.split is None else " · " + say(f"photos.split.{photo.split}")
    uri = report.thumbnails.get(index)
    picture = f'<img src="{uri}" alt="{escape(path)}"/>' if uri else "<div class='none'></div>"
    size = f"{photo.size[0]} × {photo.size[1]}"
    return (
        f'<figure title="{escape(path)}">{picture}<figcaption><b>{escape(label)}</b>{escape(part)}'
        f"<span>{escape(path.rpartition('/')[2])}</span><span>{size}</span></figcaption></figure>"
    )


def _table(problems: Sequence[Problem]) -> str:
    heads = "".join(f"<th>{escape(say(f'photos.header.{name}'))}</th>" for name in ("file", "problem"))
    rows = "".join(
        f"<tr><td>{escape(problem.file)}</td><td>{escape(problem.say(current_language()))}</td></tr>"
        for problem in problems[:PROBLEMS_SHOWN]
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return table + _rest(len(problems) - PROBLEMS_SHOWN)


def _rest(left: int) -> str:
    return f"<p>{escape(say('photos.rest', count=left))}</p>" if left > 0 else ""
