"""Reads a picture as a browser would: strictly, as XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

Node = ET.Element


def read(svg: str) -> Node:
    """The picture; fails on markup that is not well formed."""
    return ET.fromstring(svg)  # noqa: S314  our own


def all_of(node: Node, tag: str) -> Iterator[Node]:
    """Every element of that name below `node`."""
    return node.iter(f"{{http://www.w3.org/2000/svg}}{tag}")


def named(picture: Node) -> dict[str, Node]:
    """The elements with a `data-name`, by it."""
    return {node.attrib["data-name"]: node for node in picture.iter() if "data-name" in node.attrib}


def words(picture: Node) -> list[str]:
    """Every text that is drawn."""
    return [node.text or "" for node in all_of(picture, "text")]


def box(rect: Node) -> tuple[float, float, float, float]:
    """A rectangle's left, top, right and bottom."""
    x, y, width, height = (float(rect.attrib[side]) for side in ("x", "y", "width", "height"))
    return x, y, x + width, y + height
