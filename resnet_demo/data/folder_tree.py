"""A tree of folder names with the number of photos directly in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass
class Node:
    """A folder: `own` photos directly in it, `photos` in it and below, and the `paths` of the folders it stands for."""

    own: int = 0
    photos: int = 0
    folders: dict[str, Node] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def below(self) -> Iterator[Node]:
        """This folder and all below it."""
        yield self
        for node in self.folders.values():
            yield from node.below()


def tree_of(counts: Mapping[str, int]) -> Node:
    """The tree of folders with photos; paths are relative, separated by `/`, and the root itself is ""."""
    root = Node(paths=[""])
    for path in sorted(counts):
        node, so_far = root, ""
        node.photos += counts[path]
        for name in filter(None, path.split("/")):
            so_far = f"{so_far}/{name}" if so_far else name
            node = node.folders.setdefault(name, Node(paths=[so_far]))
            node.photos += counts[path]
        node.own += counts[path]
    return root


def merged(nodes: Iterable[Node]) -> Node:
    """One tree of several, folders of one name joined."""
    whole = Node()
    alike: dict[str, list[Node]] = {}
    for node in nodes:
        whole.own += node.own
        whole.photos += node.photos
        whole.paths += node.paths
        for name, below in node.folders.items():
            alike.setdefault(name, []).append(below)
    whole.folders = {name: merged(below) for name, below in alike.items()}
    return whole
