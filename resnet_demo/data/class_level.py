"""Which of the nested folders name the classes: the first ones, or deeper ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from resnet_demo.data.folder_tree import Node, merged
from resnet_demo.data.folder_words import (
    is_beside_images,
    is_container,
    is_no_class,
    is_number_or_letter,
    is_piece,
    is_session,
)
from resnet_demo.data.part_names import normalised, part_name

ClassLevel = Literal["auto", "first", "last"]
"""Of nested folders the first or the last ones name the classes; `auto`: what fits the tree."""


MANY_COUNTED = 6
"""Folders called by a number or a letter, the same ones in all others, that are classes: digits, say."""

LEVELS: tuple[ClassLevel, ...] = ("auto", "first", "last")


@dataclass(frozen=True)
class ClassNames:
    """The class of each folder by its path, where it has one; `level` says which folders it is called after.

    `other` are the classes of the other way to read the tree, where both make sense.
    """

    by_path: Mapping[str, str]
    level: Literal["first", "last"] = "first"
    other: Mapping[str, str] | None = None


def class_names(root: Node, level: ClassLevel = "auto") -> ClassNames:
    """Name the classes of a tree of folders.

    The class is the first folder; what lies deeper belongs to it. A folder around all others is stepped into, and
    where several folders hold the same names (`monday/cats`, `tuesday/cats`), these are the classes.
    """
    outer = _without_containers(root)
    node, wrapped = _stepped_in(outer)
    first = _first(outer) if wrapped else _first(node)
    lifted = _lifted(node) if level == "auto" else node
    if lifted is not node:
        inner = class_names(lifted)
        return ClassNames(inner.by_path, "last", first)
    last = _last(node)
    if level != "auto":
        chosen, other = (first, last) if level == "first" else (last, first)
        return ClassNames(chosen, level, other if _differ(chosen, other) else None)
    if wrapped:
        inner = class_names(node)
        return ClassNames(inner.by_path, "last", first if _differ(inner.by_path, first) else None)
    if _are_groups(node):
        inner = class_names(merged(node.folders.values()))
        return ClassNames(inner.by_path, "last", first)
    return ClassNames(first, "first", last if _differ(first, last) and _is_deep(node) else None)


def _without_containers(node: Node) -> Node:
    """The same tree without folders such as `images` that hold folders of classes."""
    whole = Node(node.own, node.photos, {}, list(node.paths))
    alike: dict[str, list[Node]] = {}
    for name, below in node.folders.items():
        inner = _without_containers(below)
        if is_container(name) and any(not is_piece(one) for one in inner.folders):
            lifted = inner.folders.items()
            whole.paths += inner.paths
            whole.own += inner.own
        else:
            lifted = {name: inner}.items()
        for one, folder in lifted:
            alike.setdefault(one, []).append(folder)
    whole.folders = {name: folders[0] if len(folders) == 1 else merged(folders) for name, folders in alike.items()}
    return whole


def _lifted(node: Node) -> Node:
    """The same with the classes of a folder that repeats its neighbours: `daisy`, `rose`, `flowers/daisy`, ..."""
    beside = set(map(normalised, node.folders))
    for name, below in node.folders.items():
        inside = set(map(normalised, below.folders))
        shared = len(inside & beside) - (normalised(name) in inside)
        if shared > 1 and 2 * shared > len(inside) and not 2 * below.own > below.photos:
            rest = {other: one for other, one in node.folders.items() if other != name}
            return merged([Node(node.own, node.photos, rest, list(node.paths)), below])
    return node


def _differ(some: Mapping[str, str], others: Mapping[str, str]) -> bool:
    return set(some.values()) != set(others.values())


def _stepped_in(node: Node) -> tuple[Node, bool]:
    """The folder that the classes lie in, and whether one above it could be a class itself."""
    wrapped = False
    while len(node.folders) == 1:
        [(name, only)] = node.folders.items()
        if not only.folders or 2 * only.own > only.photos:
            break
        if not is_container(name) and not part_name(name) and (only.own or len(only.folders) > 1):
            if all(map(is_piece, only.folders)):
                break
            wrapped = True
        elif not is_container(name) and not part_name(name) and all(map(is_piece, only.folders)):
            break
        node = only
    return node, wrapped


def _first(node: Node) -> dict[str, str]:
    """Each folder named after the first one."""
    while len(node.folders) == 1:  # `images` around all
        [(name, only)] = node.folders.items()
        if not (is_container(name) and only.folders):
            break
        node = only
    if node.folders and all(is_no_class(name) and not below.folders for name, below in node.folders.items()):
        return {}
    return {path: name for name, below in node.folders.items() for one in below.below() for path in one.paths}


def _last(node: Node) -> dict[str, str]:
    """Each folder named after itself, or after the one above where its own name says nothing."""
    named: dict[str, str] = {}

    def walk(here: Node, label: str | None) -> None:
        for name, below in here.folders.items():
            says_nothing = label is not None and (is_piece(name) or is_number_or_letter(name)) and not is_session(label)
            own = label if says_nothing else name
            named.update(dict.fromkeys(below.paths, own or name))
            walk(below, own)

    walk(node, None)
    return named if _first(node) else {}


def _is_deep(node: Node) -> bool:
    """Whether folders below the first ones may be classes too."""
    below = [name for top in node.folders.values() for name in top.folders]
    return any(not is_piece(name) and not is_number_or_letter(name) for name in below)


def _are_groups(node: Node) -> bool:
    """Whether the first folders are groups such as days, each with folders of the same classes."""
    tops = node.folders
    if len(tops) < 2 or any(2 * top.own > top.photos for top in tops.values()):
        return False
    sessions = all(map(is_session, tops))
    counted = Counter(normalised(name) for top in tops.values() for name in top.folders if is_number_or_letter(name))
    many = len(counted) >= MANY_COUNTED and min(counted.values()) == len(tops)
    below = Counter(
        normalised(name)
        for top in tops.values()
        for name in top.folders
        if not is_piece(name) and not is_beside_images(name) and (sessions or many or not is_number_or_letter(name))
    )
    holding = sum(bool(top.folders) for top in tops.values())
    shared = sum(count for count in below.values() if count > 1)
    return bool(below) and holding == len(tops) and (sessions or 2 * shared > below.total())
