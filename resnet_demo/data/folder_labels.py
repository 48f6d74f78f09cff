"""The class and the split of a photo, read from the tree of folders; free of the disk."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from resnet_demo.data.class_level import ClassLevel, ClassNames, class_names
from resnet_demo.data.file_names import display_name, natural_order
from resnet_demo.data.folder_parts import Part, find_parts, union
from resnet_demo.data.folder_tree import Node, tree_of
from resnet_demo.data.folder_words import is_beside_images, is_container
from resnet_demo.data.part_names import SplitName
from resnet_demo.texts import AppError

LabelSource = Literal["auto", "folders", "names", "table"]
"""Where the classes of photos are told: by folders, by the files' names, or in a table beside them."""

LABEL_SOURCES: tuple[LabelSource, ...] = ("auto", "folders", "names", "table")

Why = Literal["beside_parts", "flat_part", "beside_images"]


@dataclass(frozen=True)
class Reading:
    """How a person wants a folder to be read, where not as it seems.

    The folders of the parts are relative to the root, or absolute inside it.
    """

    train_folder: str | None = None
    val_folder: str | None = None
    test_folder: str | None = None
    class_level: ClassLevel = "auto"
    separate_names: bool = False
    label_source: LabelSource = "auto"

    @property
    def folders(self) -> dict[SplitName, str]:
        """The folders of the parts that were named."""
        given: dict[SplitName, str | None] = {
            "train": self.train_folder,
            "val": self.val_folder,
            "test": self.test_folder,
        }
        return {part: folder for part, folder in given.items() if folder}


@dataclass(frozen=True)
class FolderLabel:
    """The class of the photos in a folder, and their split if the folder defines one."""

    label: str
    split: SplitName | None


@dataclass(frozen=True)
class Skipped:
    """A folder that was passed over with all below it, and how many photos (of a junk folder: how often)."""

    path: str
    why: Why
    count: int


@dataclass(frozen=True)
class Layout:
    """What was understood of a tree of folders.

    `parts` are the folders of each split; `*` stands for every class. `other` are the photos of each class by the
    other way to read nested folders, where both make sense; `level` is the way taken. `merged` are spellings of one
    class, the first being its name.
    """

    parts: tuple[tuple[SplitName, str], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    level: Literal["first", "last"] = "first"
    other: Mapping[str, int] | None = None
    merged: tuple[tuple[str, ...], ...] = ()
    label_source: LabelSource = "folders"
    source: str = ""
    chosen: bool = False
    junk: Mapping[str, int] = field(default_factory=dict)

    def folders(self) -> dict[SplitName, tuple[str, ...]]:
        """The folders of each part."""
        found: dict[SplitName, tuple[str, ...]] = {}
        for part, folder in self.parts:
            found[part] = (*found.get(part, ()), folder)
        return {part: found[part] for part in ("train", "val", "test") if part in found}


@dataclass(frozen=True)
class FolderLabels:
    """The class of each folder with photos, None where it has none; the folders' splits; what was understood."""

    labels: Mapping[str, FolderLabel | None]
    splits: Mapping[str, SplitName] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)


def read_folders(counts: Mapping[str, int], reading: Reading = Reading()) -> FolderLabels:
    """Read the classes and the splits from a tree of folders.

    Args:
        counts: photos directly in each folder, by its path relative to the root, separated by `/`; the root is "".

    Raises:
        AppError: a folder that the reading names is not there, or has no photos.
    """
    drawn = {path: counts[path] for path in _drawn_below(tree_of(counts))}
    rest = {path: count for path, count in counts.items() if path not in drawn}
    root = tree_of(rest)
    chosen = _chosen_parts(root, reading)
    parts = _with_the_rest(chosen, rest) if chosen else find_parts(root)
    names = class_names(union(parts) if parts else root, reading.class_level)
    splits = _splits(parts)
    labels: dict[str, FolderLabel | None] = {}
    for path in counts:
        name = names.by_path.get(path) if not parts or path in splits else None
        labels[path] = FolderLabel(display_name(name), splits.get(path)) if name is not None else None
    skipped = _skipped(rest, parts, splits, labels) if parts else ()
    skipped += tuple(Skipped(display_name(path), "beside_images", count) for path, count in sorted(drawn.items()))
    merged: tuple[tuple[str, ...], ...] = ()
    if not reading.separate_names:
        labels, merged = _merge_spellings(labels, counts)
    layout = Layout(
        parts=tuple((part.split, display_name(part.folder)) for part in parts),
        skipped=skipped,
        level=names.level,
        other=_other_counts(names, counts),
        merged=merged,
        chosen=bool(chosen),
    )
    return FolderLabels(labels, splits, layout)


def _drawn_below(node: Node, *, drawn: bool = False) -> Iterator[str]:
    """The folders that hold masks or the like of the photos in `images` beside them."""
    if drawn and node.own:
        yield node.paths[0]
    images = any(map(is_container, node.folders))
    for name, below in node.folders.items():
        yield from _drawn_below(below, drawn=drawn or (images and is_beside_images(name)))


def _chosen_parts(root: Node, reading: Reading) -> list[Part]:
    found = []
    for split, folder in reading.folders.items():
        node = root
        for name in filter(None, folder.strip("/").split("/")):
            below = node.folders.get(name) if name != "." else node
            if below is None:
                raise AppError("folder_labels.problem.no_part", folder=display_name(folder))
            node = below
        found.append(Part(split, node, node.paths[0] or "."))
    return found


def _with_the_rest(chosen: Sequence[Part], counts: Mapping[str, int]) -> list[Part]:
    """The parts that a person named, and those of the other folders that nobody named: without any, to learn from."""
    named = {part.split for part in chosen}
    if "train" in named:
        return list(chosen)
    inside = tuple(f"{part.folder}/" for part in chosen)
    rest = tree_of({path: count for path, count in counts.items() if not f"{path}/".startswith(inside)})
    found = [part for part in find_parts(rest) if part.split not in named]
    if not any(part.split == "train" for part in found):
        while len(rest.folders) == 1 and not rest.own and (only := next(iter(rest.folders.values()))).folders:
            rest = only
        found = [Part("train", rest, rest.paths[0] or ".")]
    return [*chosen, *found]


def _splits(parts: Iterable[Part]) -> dict[str, SplitName]:
    """The split of each folder; a part inside another one has its own."""
    splits: dict[str, SplitName] = {}
    for part in sorted(parts, key=lambda one: one.folder.count("/") - (one.folder == ".")):
        for node in part.node.below():
            splits.update(dict.fromkeys(node.paths, part.split))
    return splits


def _skipped(
    counts: Mapping[str, int],
    parts: Iterable[Part],
    splits: Mapping[str, SplitName],
    labels: Mapping[str, FolderLabel | None],
) -> tuple[Skipped, ...]:
    """The folders that were passed over, the highest of each branch."""
    above = {"/".join(path.split("/")[:depth]) for path in splits for depth in range(path.count("/") + 1)} | {""}
    flat = {part.folder for part in parts}
    found: Counter[tuple[str, Why]] = Counter()
    for path, count in counts.items():
        if labels[path] or not path:
            continue
        if path in splits:
            names = path.split("/")
            part = next((folder for n in range(len(names)) if (folder := "/".join(names[: n + 1])) in flat), path)
            found[part, "flat_part"] += count
        elif path not in above:
            names = path.split("/")
            top = next(folder for n in range(len(names)) if (folder := "/".join(names[: n + 1])) not in above)
            found[top, "beside_parts"] += count
    return tuple(
        Skipped(display_name(path), why, count) for (path, why), count in sorted(found.items(), key=lambda one: one[0])
    )


def _other_counts(names: ClassNames, counts: Mapping[str, int]) -> dict[str, int] | None:
    if names.other is None:
        return None
    found: Counter[str] = Counter()
    for path, name in names.other.items():
        if counts.get(path):
            found[display_name(name)] += counts[path]
    return dict(sorted(found.items(), key=lambda one: natural_order(one[0])))


def folded(name: str) -> str:
    """A class's name without capitals and blanks; a single letter is left as it is, since `A` and `a` are two."""
    plain = unicodedata.normalize("NFKC", name)
    return "".join(plain.casefold().split()) if len(plain.strip()) > 1 else plain.strip()


def spelt_alike(counts: Mapping[str, int]) -> tuple[dict[str, str], tuple[tuple[str, ...], ...]]:
    """The one name for each of the names that differ in capitals or blanks, and these spellings, the name first.

    It is the spelling with the most photos.
    """
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        spellings[folded(name)].append(name)
    names, merged = {}, []
    for alike in spellings.values():
        if len(alike) > 1:
            ranked = sorted(alike, key=lambda name: (-counts[name], name != name.strip(), natural_order(name)))
            names.update(dict.fromkeys(alike, ranked[0].strip()))
            merged.append((ranked[0].strip(), *ranked))
    return names, tuple(sorted(merged))


def _merge_spellings(
    labels: Mapping[str, FolderLabel | None], counts: Mapping[str, int]
) -> tuple[dict[str, FolderLabel | None], tuple[tuple[str, ...], ...]]:
    by_name: Counter[str] = Counter()
    for path, one in labels.items():
        if one:
            by_name[one.label] += counts[path]
    names, merged = spelt_alike(by_name)
    return {path: one and replace(one, label=names.get(one.label, one.label)) for path, one in labels.items()}, merged
