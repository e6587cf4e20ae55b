"""A part of a source, for a first look: as evenly over domains and classes as there are images."""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

from index.sources.record import Item, Record, Rejected, Source

__all__ = ["SampledSource"]

_Cell: TypeAlias = tuple[str, str]


class SampledSource(Source):
    """At most so many records of a source, drawn at random, each domain and class getting the same share.

    A cell, which is a class of a domain, that has fewer images than its share gives all it has, and the others share
    what is left. A draw hangs on the seed and the id alone, not on the order: the same source gives the same sample,
    and a larger sample of the same seed contains the smaller one, so that a pool can grow from a first look.
    What the source rejects or leaves aside comes through, whichever records are drawn.

    Args:
        source: What is sampled; its records are read twice, its images not at all.
        size: How many records, at least 1.
        seed: Of the draw.
    """

    def __init__(self, source: Source, *, size: int, seed: int = 0) -> None:
        self._source = source
        self._size = size
        self._seed = seed

    @property
    def total(self) -> int:
        """Drawn records, those that repeat the id of one, and all rejections."""
        drawn, rejections = self._drawn
        return sum(drawn.values()) + rejections

    def __iter__(self) -> Iterator[Item]:
        """The drawn records in the order of the source."""
        drawn, _ = self._drawn
        for item in self._source:
            if not isinstance(item, Record) or item.id in drawn:
                yield item

    @cached_property
    def _drawn(self) -> tuple[dict[str, int], int]:
        """The ids of the sample with how many records have each, and how many rejections the source has."""
        kept: defaultdict[_Cell, list[tuple[int, str]]] = defaultdict(list)
        times: dict[str, int] = {}  # of the ids that are kept; a repeated id is drawn once, or it would take two places
        rejections = 0
        for item in self._source:
            if isinstance(item, Rejected):
                rejections += 1
            elif isinstance(item, Record):
                if item.id in times:
                    times[item.id] += 1
                else:
                    self._keep(kept[item.domain or "", item.label], item.id, times)
        return {id: times[id] for id in _shared(kept, self._size)}, rejections

    def _keep(self, cell: list[tuple[int, str]], id: str, times: dict[str, int]) -> None:
        """Keep in a heap those of a cell with the smallest numbers, no more than could be needed."""
        digest = hashlib.sha256(f"{self._seed}/{id}".encode()).digest()
        entry = (-int.from_bytes(digest[:8]), id)  # the heap gives the smallest away
        times[id] = 1
        if len(cell) < self._size:
            heapq.heappush(cell, entry)
        else:
            del times[heapq.heappushpop(cell, entry)[1]]


def _shared(cells: dict[_Cell, list[tuple[int, str]]], size: int) -> Iterator[str]:
    """The ids of `size` entries: one of each cell in turn, in the order of the cells' names."""
    waiting = [sorted(cells[cell]) for cell in sorted(cells)]
    while waiting and size > 0:
        for cell in waiting[:size]:
            yield cell.pop()[1]
        size -= len(waiting)
        waiting = [cell for cell in waiting if cell]
