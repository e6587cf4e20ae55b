"""The segments that a pool will be searched in next, in memory before a query needs them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from index.segments import Segment, open_segment
from index.space import Space
from invariantselect.errors import StoreCorruptError

__all__ = ["looked_through"]

_READ_BYTES = 1 << 20


def looked_through(space: Space, opened: Collection[Segment]) -> list[Segment]:
    """Open what a space's manifest names and isn't open yet, and look through it; nothing is locked meanwhile.

    Of a segment with an approximate half, that half is read: another machine may have written it.

    What is damaged, or was removed by a later seal, is left to whoever loads the pool: that knows what it means.

    Args:
        space: Of a live encoder version.
        opened: Its segments that are open.
    """
    known, found = {segment.entry for segment in opened}, []
    with suppress(OSError, StoreCorruptError):
        for entry in space.manifest().segments:
            if entry not in known:
                segment = open_segment(space.folder, entry, space.dim)
                segment.look_through()
                if entry.proposer is not None:
                    _read_through(space.folder / entry.proposer.file)
                found.append(segment)
    return found


def _read_through(path: Path) -> None:
    """Have a file in the page cache. A search maps few of its pages, so none are mapped here."""
    block = bytearray(_READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(block):
            pass
