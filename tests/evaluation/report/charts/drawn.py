"""A chart as the tree of elements that a browser makes of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

__all__ = ["classed", "numbers", "tree"]


def tree(svg: str) -> ElementTree.Element:
    """The chart; it must be well-formed."""
    return ElementTree.fromstring(svg)


def classed(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """All elements with a class, in the order that they are drawn."""
    return [each for each in root.iter() if name in each.get("class", "").split()]


def numbers(path: str) -> list[float]:
    """All numbers of a path's description."""
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", path)]
