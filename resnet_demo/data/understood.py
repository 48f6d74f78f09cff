"""What was understood of a folder, and what was left out, as sentences and as plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from resnet_demo.data.dataset_facts import DatasetFacts
from resnet_demo.data.file_names import display_name
from resnet_demo.data.folder_labels import Layout
from resnet_demo.data.image_folder import Dataset
from resnet_demo.data.images import Problem
from resnet_demo.data.part_names import SplitName
from resnet_demo.texts import Field, Message

MOST_NAMES = 12
PARTS: tuple[SplitName, ...] = ("train", "val", "test")
HARMLESS = {"fine", "exact", "near", "imbalance", "extreme"}
"""Findings that are no reason to refuse the photos, even where a person is strict."""


def understood(dataset: Dataset) -> tuple[Message, ...]:
    """How the folder was read: its parts, where the classes come from, and the other way to read it."""
    return tuple(_understood(dataset))


def _understood(dataset: Dataset) -> Iterator[Message]:
    layout = dataset.layout
    for part, folders in layout.folders().items():
        yield Message(f"understood.part.{part}", {"folders": _listed(folders)})
    if layout.label_source in {"table", "names"}:
        fields: dict[str, Field] = {"source": layout.source, "classes": len(dataset.classes)}
        yield Message(f"understood.labels.{layout.label_source}", fields)
    if layout.other is not None:
        yield Message(
            f"understood.level.{layout.level}",
            {"classes": _with_counts(counts_of(dataset)), "others": _with_counts(layout.other)},
        )
    for name, *spellings in layout.merged:
        yield Message("understood.merged", {"name": name, "spellings": _listed([f"“{one}”" for one in spellings])})


def passed_over(layout: Layout) -> tuple[Message, ...]:
    """The folders that were passed over, each with the reason."""
    said = [
        Message(f"understood.skipped.{one.why}", {"folder": one.path, "count": one.count}) for one in layout.skipped
    ]
    said += [
        Message("understood.skipped.junk", {"folder": display_name(name), "count": count})
        for name, count in sorted(layout.junk.items())
    ]
    return tuple(said)


def counts_of(dataset: Dataset) -> dict[str, int]:
    """Photos of each class."""
    counts = Counter(photo.label for photo in dataset.photos)
    return {name: counts[label] for label, name in enumerate(dataset.classes)}


def is_serious(finding: Message) -> bool:
    """Whether a finding is a reason to refuse the photos where a person is strict."""
    return finding.key.rpartition(".")[2] not in HARMLESS


def as_json(dataset: Dataset, facts: DatasetFacts, problems: Sequence[Problem], language: str) -> dict[str, Any]:
    """What was understood, as plain JSON.

    `classes` has the photos of each class by part (`all` where the folder does not say), `parts` the folder of each
    part (a list where there are several), `ignored` what was passed over and `problems` what stands out, both with
    the reason in `language`. `readings` are the ways to read nested folders, the one taken first.
    """
    layout = dataset.layout
    parts: dict[str, str | list[str]] = {
        part: folders[0] if len(folders) == 1 else list(folders) for part, folders in layout.folders().items()
    }
    said = passed_over(layout)
    whats = [*(one.path for one in layout.skipped), *map(display_name, sorted(layout.junk))]
    counts = [*(one.count for one in layout.skipped), *(layout.junk[name] for name in sorted(layout.junk))]
    ignored = [
        {"what": what, "why": one.say(language), "count": count}
        for what, one, count in zip(whats, said, counts, strict=True)
    ]
    hidden = dataset.ignored - sum(layout.junk.values())
    if hidden > 0:
        why = Message("understood.other_files", {"count": hidden}).say(language)
        ignored.append({"what": "", "why": why, "count": hidden})
    return {
        "folder": str(dataset.root),
        "photos": len(dataset.photos),
        "classes": {one.name: _by_part(one.photos, one.splits) for one in facts.classes},
        "parts": parts,
        "labels": {"from": layout.label_source, "source": layout.source},
        "readings": [counts_of(dataset), *([dict(layout.other)] if layout.other is not None else [])],
        "understood": [one.say(language) for one in understood(dataset)],
        "ignored": ignored,
        "problems": [
            *({"file": one.file, "kind": one.kind, "why": one.say(language)} for one in problems),
            *(
                {"kind": one.key.rpartition(".")[2], "why": one.say(language)}
                for one in facts.findings
                if one.key not in {"dataset_facts.fine", "dataset_facts.unreadable"}
            ),
        ],
    }


def _by_part(photos: int, splits: Mapping[SplitName, int]) -> dict[str, int]:
    left = photos - sum(splits.values())
    counts: dict[str, int] = {part: splits[part] for part in PARTS if part in splits}
    return counts | ({"all": left} if left else {})


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (" …" if len(names) > MOST_NAMES else "")


def _with_counts(counts: Mapping[str, int]) -> str:
    return _listed([f"{name} {count}" for name, count in counts.items()])
