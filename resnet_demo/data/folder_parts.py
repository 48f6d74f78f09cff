"""Which folders hold the training, validation and test photos: told by their names and by what lies in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from resnet_demo.data.folder_tree import Node, merged
from resnet_demo.data.folder_words import is_container, is_no_class, is_output, is_piece
from resnet_demo.data.part_names import PartName, SplitName, hinted_part, normalised, part_name

_DEEPEST = 6


@dataclass(frozen=True)
class Part:
    """The photos of one split: `node` has the folders of its classes, `folder` is its path for people."""

    split: SplitName
    node: Node
    folder: str


def find_parts(node: Node, depth: int = 0) -> list[Part]:
    """The parts below a folder, at the highest level that has some; empty if it is not divided."""
    ways = (_by_name, _root_and_test, _rest_is_train, _within_classes, _part_and_class, _without_classes, _by_hints)
    found = next(filter(None, (way(node) for way in ways)), [])
    if found and (len(found) > 1 or depth >= _DEEPEST):
        return found
    if found:  # `train` alone: an archive of that name may have all parts in it
        [alone] = found
        inner = find_parts(alone.node, depth + 1)
        return inner if _kinds(inner) > 1 else [alone, *_only_other(node, alone)]
    if depth >= _DEEPEST:
        return []
    deeper = [part for below in node.folders.values() for part in find_parts(below, depth + 1)]
    return deeper if _kinds(deeper) > 1 or len(node.folders) == 1 else []


def _kinds(parts: Iterable[Part]) -> int:
    return len({part.split for part in parts})


def holds_classes(node: Node) -> bool:
    """Whether there are folders below that may be classes, and not just pieces of one."""
    return any(not is_piece(name) or (is_container(name) and holds_classes(below)) for name, below in _filled(node))


def _filled(node: Node) -> Iterator[tuple[str, Node]]:
    return ((name, below) for name, below in node.folders.items() if below.photos)


def _classes(node: Node) -> set[str]:
    """The names of the classes in a part, folded; folders such as `images` are looked through."""
    names: set[str] = set()
    inside = list(_filled(node))
    if len(inside) == 1 and inside[0][1].folders and not inside[0][1].own:
        return _classes(inside[0][1])
    for name, below in inside:
        names |= _classes(below) if is_container(name) and below.folders else {normalised(name)}
    return names


def _alike(some: set[str], others: set[str]) -> bool:
    """Whether two parts hold mostly the same classes."""
    return bool(some and others) and 2 * len(some & others) > min(len(some), len(others))


def _parts(node: Node, kinds: Mapping[str, SplitName]) -> list[Part]:
    kinds = _with_test(kinds)
    return [Part(kind, node.folders[name], node.folders[name].paths[0]) for name, kind in kinds.items()]


def _with_test(kinds: Mapping[str, SplitName]) -> Mapping[str, SplitName]:
    """`eval` beside `val` holds the test photos, where nothing else does."""
    evals = [name for name in kinds if normalised(name).startswith("eval")]
    rest = {kind for name, kind in kinds.items() if name not in evals}
    if evals and rest >= {"train", "val"} and "test" not in rest:
        return {name: "test" if name in evals else kind for name, kind in kinds.items()}
    return kinds


def _by_name(node: Node) -> list[Part]:
    """Sibling folders that are called `train` and `test` or the like, and hold classes."""
    named = {name: found for name in node.folders if (found := part_name(name))}
    plain = {name: found.part for name, found in named.items() if not found.rest}
    holding = {name for name in named if holds_classes(node.folders[name])}
    learnt = {normalised(one) for name in holding & set(plain) for one in _classes(node.folders[name])}
    kinds = {plain[name] for name in holding if name in plain}
    if kinds and (len(set(plain.values())) > 1 or (kinds == {"train"} and not _is_class_among_others(node, plain))):
        same = {name for name in holding - set(plain) if _alike(_classes(node.folders[name]), learnt)}
        return _parts(node, plain | {name: named[name].part for name in sorted(same)})
    return _parts(node, _with_affixes(node, named, holding))


def _is_class_among_others(node: Node, plain: Mapping[str, SplitName]) -> bool:
    """Whether `train` is a class, as beside `bus` and `car`."""
    others = {name: below for name, below in _filled(node) if name not in plain and not is_output(name)}
    inside = {one for name in plain for one in _classes(node.folders[name])}
    if len(others) < 2 or inside & set(map(normalised, others)):
        return False
    alike = any(_alike(inside, _classes(below)) for below in others.values())
    return not alike and sum(below.photos for below in others.values()) >= sum(
        node.folders[name].photos for name in plain
    )


def _with_affixes(node: Node, named: Mapping[str, PartName], holding: set[str]) -> dict[str, SplitName]:
    """Folders such as `seg_train` and `seg_test`: another part stands beside, with the same words or classes."""
    by_rest: dict[str, dict[str, SplitName]] = defaultdict(dict)
    for name, found in named.items():
        by_rest[normalised(found.rest)][name] = found.part
    for group in by_rest.values():
        if len(set(group.values())) > 1 and holding & set(group):
            return group
    same = {name: named[name].part for name in sorted(holding)}
    classes = [_classes(node.folders[name]) for name in same]
    if len(set(same.values())) > 1 and all(_alike(classes[0], other) for other in classes[1:]):
        return same
    for name in sorted(holding):
        words = set(normalised(named[name].rest).split())
        flat = all(not holds_classes(below) for other, below in node.folders.items() if other != name)
        beside = any(
            words & set(normalised(other).replace("_", " ").replace("-", " ").split())
            for other in node.folders
            if other != name
        )
        if named[name].part == "train" and words and flat and beside and len(_classes(node.folders[name])) > 1:
            return {name: "train"}
    return {}


def _root_and_test(node: Node) -> list[Part]:
    """Class folders, and beside them `test` with folders of the same classes: the former are learned from."""
    named = {name: found.part for name in node.folders if (found := part_name(name)) and not found.rest}
    others = {name: below for name, below in _filled(node) if name not in named}
    held = {name: kind for name, kind in named.items() if kind != "train"}
    folded = set(map(normalised, others))
    if not held or len(others) < 2 or not all(_alike(_classes(node.folders[name]), folded) for name in held):
        return []
    known = {one for name in held for one in _classes(node.folders[name])}
    own = {name: below for name, below in others.items() if normalised(name) in known or not is_output(name)}
    rest = Node(photos=sum(below.photos for below in own.values()), folders=own)
    return [Part("train", rest, node.paths[0] or "."), *_parts(node, held)]


def _rest_is_train(node: Node) -> list[Part]:
    """`rps` and `rps-test-set`, which hold the same classes: what is not the test is learned from."""
    named = {name: found.part for name, below in _filled(node) if (found := part_name(name)) and holds_classes(below)}
    if not named or "train" in named.values():
        return []
    classes = {one for name in named for one in _classes(node.folders[name])}
    rest = [name for name, below in _filled(node) if name not in named and _alike(_classes(below), classes)]
    return _parts(node, {**dict.fromkeys(rest, "train"), **named}) if rest else []


def _within_classes(node: Node) -> list[Part]:
    """Every class is divided by itself: `cats/train`, `cats/test`."""
    tops = dict(_filled(node))
    if len(tops) < 2 or node.own or any(map(is_no_class, tops)):
        return []
    names = {name: part_name(name) for below in tops.values() for name in below.folders}
    if any(below.own or not below.folders for below in tops.values()):
        return []
    if any(found is None or found.rest for found in names.values()):
        return []
    parts: dict[str, dict[str, Node]] = defaultdict(dict)
    for label, below in tops.items():
        for name, one in below.folders.items():
            parts[name][label] = one
    root = f"{node.paths[0]}/" if node.paths[0] else ""
    return [
        Part(found.part, Node(photos=sum(one.photos for one in held.values()), folders=held), f"{root}*/{name}")
        for name, held in parts.items()
        if (found := names[name])
    ]


def _part_and_class(node: Node) -> list[Part]:
    """Folders named after part and class: `train_cats`, `test_cats`."""
    named = {name: found for name, _ in _filled(node) if (found := part_name(name)) and found.rest}
    kinds: dict[str, set[SplitName]] = defaultdict(set)
    for found in named.values():
        kinds[normalised(found.rest)].add(found.part)
    if len(kinds) < 2 or any(node.folders[name].folders for name in named):
        return []
    if 2 * sum(len(parts) > 1 for parts in kinds.values()) < len(kinds):
        return []
    return [
        Part(
            found.part,
            Node(photos=node.folders[name].photos, folders={found.rest: node.folders[name]}),
            node.folders[name].paths[0],
        )
        for name, found in named.items()
    ]


def _without_classes(node: Node) -> list[Part]:
    """Nothing but `train` and `test` or the like, with photos directly in them."""
    named = {name: found.part for name, _ in _filled(node) if (found := part_name(name)) and not found.rest}
    others = [name for name, _ in _filled(node) if name not in named and not is_output(name)]
    alone = len(named) == 1 and len(node.folders) == 1 and not node.own
    if any(holds_classes(node.folders[name]) for name in named):
        return []
    return _parts(node, named) if named and not others and (alone or len(set(named.values())) > 1) else []


def _only_other(node: Node, train: Part) -> list[Part]:
    """The one folder beside `train` that holds the same classes, whatever it is called: it is to be tested with."""
    if train.split != "train":
        return []
    classes = _classes(train.node)
    others = [
        name
        for name, below in _filled(node)
        if below is not train.node and not is_output(name) and len(_classes(below) & classes) > 1
    ]
    return _parts(node, {others[0]: "test"}) if len(others) == 1 else []


def _by_hints(node: Node) -> list[Part]:
    """Folders that all hold the same classes, and are called by what only hints at parts: `tr` and `te`, `xtrain`."""
    inside = {name: _classes(below) for name, below in _filled(node) if below.folders and not is_output(name)}
    first, *rest = inside.values() or [set()]
    kinds = {name: kind for name in inside if (kind := hinted_part(name))}
    if len(kinds) < max(2, len(inside)) or len(set(kinds.values())) < 2 or "train" not in kinds.values():
        return []
    return _parts(node, kinds) if all(len(first & other) > 1 and _alike(first, other) for other in rest) else []


def union(parts: Iterable[Part]) -> Node:
    """The classes of all parts as one tree."""
    inner = [(part, _unwrapped(part)) for part in parts]
    return merged(node for part, node in inner if not all(_is_flat(part, name, below) for name, below in _filled(node)))


def _is_flat(part: Part, name: str, node: Node) -> bool:
    """Whether a folder in a part just holds its photos, without a class: `test/images`, `my_test/my_test`."""
    found = part_name(name)
    again = found is not None and found.part == part.split and name == part.folder.rpartition("/")[2]
    return not node.folders and (is_no_class(name) or again)


def _unwrapped(part: Part) -> Node:
    """The folder of a part that its classes lie in; archives repeat its name, as `seg_train/seg_train`."""
    node = part.node
    while len(node.folders) == 1:
        [(name, only)] = node.folders.items()
        found = part_name(name)
        again = normalised(name) == normalised(part.folder.rpartition("/")[2])
        if not only.folders or not (again or is_container(name) or (found and found.part == part.split)):
            break
        node = only
    return node
