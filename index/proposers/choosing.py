"""Which kind of search a segment gets: the approximate kind that reaches the asked recall soonest, or none."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faiss

from encoders.flush import flush
from index.durable_files import sha256_of
from index.flat_file import writing
from index.manifest import Depth, ProposerEntry, SegmentEntry
from index.proposers.kind import Kind, Tick
from index.proposers.kinds import KINDS
from index.proposers.measuring import DEPTHS, Yardstick
from index.proposers.proposer import Proposer, read_mapped
from index.segments import Segment, open_segment

__all__ = ["SMALLEST", "with_proposer"]

SMALLEST = 16_384
"""Fewer vectors than this are searched exactly: a scan of so few takes a few milliseconds."""


def with_proposer(
    folder: Path, entry: SegmentEntry, dim: int, recall: float, tick: Tick, *, kinds: Iterable[Kind] = KINDS.values()
) -> SegmentEntry:
    """A flat segment with the approximate half that serves it best, if there is one; a note tells why.

    Every kind is made and measured. It must find the 10 nearest with the asked recall, and sooner than an exact search;
    what it doesn't do for 30 or 100 is left to exact search.

    Args:
        folder: Where the segment lies, and its approximate half is written.
        entry: Of the segment.
        dim: Length of a vector.
        recall: The asked recall, above 0 and below 1.
        tick: Told how far it is.
        kinds: Among which kinds; all that there are unless somebody measures one.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    if entry.count < SMALLEST:
        return replace(entry, note=f"exact: {entry.count:,} vectors, and other kinds are tried from {SMALLEST:,} on")
    segment = open_segment(folder, entry, dim)
    trial = _Trial(folder, segment, Yardstick(segment, tick), recall, tick)
    attempts: list[_Attempt] = []
    try:
        for kind in kinds:
            attempts.append(trial.attempt(kind))  # noqa: PERF401 -- those before one that fails are removed
    except BaseException:
        _remove(folder, attempts)
        raise
    good = [each for each in attempts if each.depths]
    chosen = max(good, key=lambda each: (len(each.depths), -each.depths[0].milliseconds), default=None)
    _remove(folder, [each for each in attempts if each is not chosen])
    flush(folder)
    told = f"recall {recall:g} of {DEPTHS[0]}: {', '.join(each.told() for each in attempts)}"
    told += f", exact in {trial.yardstick.milliseconds:.2f} ms"
    if chosen is None:
        return replace(entry, note=f"exact, as no kind is faster with the asked {told}")
    return replace(entry, kind=chosen.kind.name, proposer=chosen.entry, note=f"asked for {told}")


@dataclass(frozen=True)
class _Attempt:
    kind: Kind
    entry: ProposerEntry
    best: float

    @property
    def depths(self) -> tuple[Depth, ...]:
        return self.entry.depths

    def told(self) -> str:
        if not self.depths:
            return f"{self.kind.name} {self.best:.3f}"
        first = self.depths[0]
        return f"{self.kind.name} {first.recall:.3f} in {first.milliseconds:.2f} ms"


@dataclass(frozen=True, eq=False)
class _Trial:
    folder: Path
    segment: Segment
    yardstick: Yardstick
    recall: float
    tick: Tick

    def attempt(self, kind: Kind) -> _Attempt:
        path = self.folder / f"segment-{uuid.uuid4().hex}.{kind.name}.faiss"
        try:
            self._write(path, kind)
            index = read_mapped(path)  # as it will be when it serves
            depths, best = self._depths(kind, index)
            entry = ProposerEntry(
                file=path.name,
                sha256=sha256_of(path),
                size=path.stat().st_size,
                parameters=dict(kind.parameters(index)),
                effort_name=kind.effort_name,
                queries=len(self.yardstick.queries),
                depths=depths,
            )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return _Attempt(kind, entry, best)

    def _write(self, path: Path, kind: Kind) -> None:
        index = kind.build(self.segment.matrix, self.tick)
        with writing(path):
            faiss.write_index(index, str(path))
            flush(path)

    def _depths(self, kind: Kind, index: Any) -> tuple[tuple[Depth, ...], float]:
        """What the kind does, for one k after the other as long as it does; and its best recall of the first."""
        proposer, efforts = Proposer(kind, index), kind.efforts(index)
        found: list[Depth] = []
        best: list[float] = []
        for number, k in enumerate(self.yardstick.ks):
            self.tick(f"measuring {kind.name}", number, len(self.yardstick.ks))
            depth, seen = self.yardstick.depth(proposer, k, efforts, asked=self.recall)
            best.append(seen)
            if depth is None:
                break  # what is too slow for a few is too slow for more
            found.append(depth)
        return tuple(found), best[0]


def _remove(folder: Path, attempts: Sequence[_Attempt]) -> None:
    for each in attempts:
        (folder / each.entry.file).unlink(missing_ok=True)
