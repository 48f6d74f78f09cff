"""The report on a data set, as HTML: how many photos, what stands out, and pictures of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from resnet_demo.data.images import Problem
from resnet_demo.data.names import shown
from resnet_demo.plots.counts import Bar, counts
from resnet_demo.texts import Message, text
from resnet_demo.ui.findings import Findings

PROBLEMS_SHOWN = 50
PARTS = ("train", "val", "test")


def heading(found: Findings, language: str) -> str:
    """The data set's name, and how many photos and classes it has."""
    title = text(
        "photos.report.title" if len(found.dataset.classes) > 1 else "photos.report.title_one",
        language,
        photos=f"{found.report.photos:,}",
        classes=f"{len(found.dataset.classes):,}",
    )
    return f"<h2>{escape(found.dataset.name)}</h2><p>{escape(title)}</p>"


def as_html(found: Findings, language: str) -> str:
    """The report below its heading."""
    return (
        f"{_said(found, language)}"
        f"<div class='pair'><div>{_picture(found, language)}</div>{_facts(found, language)}</div>"
        f"{''.join(_details(found, language))}"
    )


def _said(found: Findings, language: str) -> str:
    """What stands out; first what keeps the photos from being divided."""
    said = list(found.report.said)
    stops = [found.split] if isinstance(found.split, Message) else []
    items = [f"<li class='stops'>{escape(message.say(language))}</li>" for message in stops]
    items += [f"<li>{escape(message.say(language))}</li>" for message in said]
    return f"<ul class='said'>{''.join(items)}</ul>"


def _picture(found: Findings, language: str) -> str:
    """How many photos each class has, and in which part they would be."""
    bars = [Bar(name, parts) for name, parts in zip(found.dataset.classes, found.per_class(), strict=True)]
    parts = PARTS if len(bars[0].counts) > 1 else PARTS[:1]
    most, fewest = (pick(bars, key=lambda bar: bar.total) for pick in (max, min))
    said = text(
        "photos.report.picture",
        language,
        classes=len(bars),
        most=most.total,
        largest=most.name,
        fewest=fewest.total,
        smallest=fewest.name,
    )

    def between(rest: Sequence[Bar]) -> str:
        totals = [bar.total for bar in rest]
        return text("photos.report.between", language, classes=len(rest), fewest=min(totals), most=max(totals))

    return counts(bars, [text(f"photos.part.{part}", language) for part in parts], said=said, between=between)


def _facts(found: Findings, language: str) -> str:
    rows = [(text(f"photos.fact.{name}", language), value) for name, value in _values(found, language)]
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows) + "</dl>"


def _values(found: Findings, language: str) -> Iterator[tuple[str, str]]:
    parts = [sum(part) for part in zip(*found.per_class(), strict=True)]
    if not isinstance(found.split, Message):
        for part, count in zip(PARTS, parts, strict=True):
            yield part, f"{count:,}"
        given = any(photo.split for photo in found.dataset.photos)
        divided = "given" if given else "drawn"
        yield "divided", text(f"photos.divided.{divided}", language, seed=found.split.seed)
    yield "formats", ", ".join(f"{kind} {count:,}" for kind, count in found.report.formats.items())
    smallest, middle, largest = (f"{width} × {height}" for width, height in found.report.sizes)
    sizes = {"smallest": smallest, "middle": middle, "largest": largest}
    yield "sizes", smallest if smallest == largest else text("photos.sizes", language, **sizes)
    if found.ignored:
        yield "ignored", f"{found.ignored:,}"


def _details(found: Findings, language: str) -> Iterator[str]:
    """What can be unfolded: the files that cannot be read, and pictures of what stands out."""
    if found.problems:
        yield _fold(text("photos.unreadable", language, count=len(found.problems)), _table(found.problems, language))
    everything = {
        "two_classes": len(found.report.two_classes),
        "leaks": len(found.report.leaks),
        "exact": len(found.report.exact),
        "near": len(found.report.near),
        "tiny": len(found.report.tiny),
        "extreme": len(found.report.extreme),
    }
    for kind, groups in found.shown.items():
        count = everything[kind]
        title = text(f"photos.kind.{kind}", language, count=count)
        pictures = "".join(f"<div class='group'>{_figures(found, group, language)}</div>" for group in groups)
        single = kind in {"tiny", "extreme"}
        left = count - (len(groups[0]) if single else len(groups))
        yield _fold(title, pictures + _rest(left, language))


def _fold(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _figures(found: Findings, indices: Iterable[int], language: str) -> str:
    return "".join(_figure(found, index, language) for index in indices)


def _figure(found: Findings, index: int, language: str) -> str:
    photo = found.dataset.photos[index]
    label, path = found.dataset.classes[photo.label], shown(photo.path)
    part = "" if photo.split is None else " · " + text(f"photos.part.{photo.split}", language)
    uri = found.thumbnails.get(index)
    picture = f'<img src="{uri}" alt="{escape(path)}"/>' if uri else "<div class='none'></div>"
    size = f"{photo.size[0]} × {photo.size[1]}"
    return (
        f'<figure title="{escape(path)}">{picture}<figcaption><b>{escape(label)}</b>{escape(part)}'
        f"<span>{escape(path.rpartition('/')[2])}</span><span>{size}</span></figcaption></figure>"
    )


def _table(problems: Sequence[Problem], language: str) -> str:
    heads = "".join(f"<th>{escape(text(f'photos.header.{name}', language))}</th>" for name in ("file", "problem"))
    rows = "".join(
        f"<tr><td>{escape(problem.file)}</td><td>{escape(problem.say(language))}</td></tr>"
        for problem in problems[:PROBLEMS_SHOWN]
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return table + _rest(len(problems) - PROBLEMS_SHOWN, language)


def _rest(left: int, language: str) -> str:
    return f"<p>{escape(text('photos.rest', language, count=left))}</p>" if left > 0 else ""
