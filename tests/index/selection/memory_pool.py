"""A pool in memory, searched by looking at everything: what selection is tested against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from index.metadata_column import MetadataColumn
from index.selection.query import ResolvedQuery


@dataclass(frozen=True)
class Record:
    """One demonstration, or the remains of one."""

    id: str
    row: int
    vector: tuple[float, ...]
    label: str
    domain: str | None = None
    group: str | None = None
    sha256: str = "0" * 64
    metadata: dict[str, object] = field(default_factory=dict)
    alive: bool = True


@dataclass(frozen=True)
class TextColumn:
    codes: np.ndarray
    values: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str | None]) -> TextColumn:
        known = tuple(dict.fromkeys(value for value in values if value is not None))
        codes = np.array([-1 if value is None else known.index(value) for value in values], dtype=np.int32)
        return cls(codes, known)


@dataclass(frozen=True)
class Found:
    positions: np.ndarray
    scores: np.ndarray


def similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """Exactly rounded inner product, rounded once more to float32."""
    return float(np.float32(math.fsum(float(a) * float(b) for a, b in zip(one, other, strict=True))))


class MemoryPool:
    """Searchable, over records in the order they are given. Remembers the searches it was asked for."""

    def __init__(self, records: Sequence[Record], dim: int) -> None:
        self.records = list(records)
        self.dim = dim
        self.size = len(self.records)
        self.rows = np.array([record.row for record in records], dtype=np.int64)
        self.alive = np.array([record.alive for record in records], dtype=np.bool_)
        self.ids = np.array([record.id for record in records] + [None], dtype=object)[:-1]
        self.labels = TextColumn.of([record.label for record in records])
        self.domains = TextColumn.of([record.domain for record in records])
        self.groups = TextColumn.of([record.group for record in records])
        self.sha256 = np.array([record.sha256 for record in records], dtype="S64")
        self.metadata = MetadataColumn(np.array([record.metadata for record in records] + [None], dtype=object)[:-1])
        self.searches: list[tuple[int, int | None]] = []
        self._vectors = np.array([record.vector for record in records], dtype=np.float32).reshape(self.size, dim)
        self._scores: dict[bytes, list[float]] = {}

    def search(self, queries: np.ndarray, limit: int | None, allowed: np.ndarray | None) -> list[Found]:
        self.searches.append((len(queries), limit))
        assert limit is None or limit >= 1
        mask = self.alive if allowed is None else self.alive & allowed
        return [self._nearest(query, limit, mask) for query in queries]

    def similarities(self, query: np.ndarray) -> np.ndarray:
        return self._vectors @ query

    def vectors(self, positions: np.ndarray) -> np.ndarray:
        return self._vectors[positions]

    def position_of(self, id: str, /) -> int | None:
        return next((n for n, record in enumerate(self.records) if record.id == id and record.alive), None)

    def _nearest(self, query: np.ndarray, limit: int | None, mask: np.ndarray) -> Found:
        scores = self._scores.get(query.tobytes())
        if scores is None:
            scores = self._scores[query.tobytes()] = [similarity(query, record.vector) for record in self.records]
        among = sorted(np.flatnonzero(mask).tolist(), key=lambda n: (-scores[n], self.records[n].id))[:limit]
        return Found(np.array(among, dtype=np.int64), np.array([scores[n] for n in among], dtype=np.float32))


@dataclass(frozen=True)
class Shape:
    """How a random pool looks; small palettes make ties."""

    size: int
    palette: int
    labels: int
    domains: int
    groups: int
    hashes: int
    dead: float = 0.1
    dim: int = 6


_METADATA = (None, True, False, 0, 1, 1.0, 2, "1", "true", "", "x")


def random_records(shape: Shape, seed: int) -> list[Record]:
    """Records with duplicate vectors, missing domains and groups, mixed metadata and dead rows."""
    rng = np.random.default_rng(seed)
    palette = unit_vectors(rng, shape.palette, shape.dim)
    ids = rng.permutation(shape.size)
    rows = rng.permutation(3 * shape.size)
    # A skewed label distribution: the rare ones lie deep in the ranking.
    weights = 1.0 / np.arange(1, shape.labels + 1) ** 2
    return [
        Record(
            id=f"d{ids[n]}",
            row=int(rows[n]),
            vector=tuple(palette[rng.integers(shape.palette)].tolist()),
            label=f"label{rng.choice(shape.labels, p=weights / weights.sum())}",
            domain=_one_of("domain", shape.domains, rng),
            group=_one_of("group", shape.groups, rng),
            sha256=f"{rng.integers(shape.hashes):064x}",
            metadata={key: _METADATA[rng.integers(len(_METADATA))] for key in ("a", "b.c") if rng.random() < 0.7},
            alive=bool(rng.random() >= shape.dead),
        )
        for n in range(shape.size)
    ]


def unit_vectors(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    vectors = rng.normal(size=(count, dim)) + 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def random_query(records: Sequence[Record], dim: int, seed: int) -> ResolvedQuery:
    """A stored demonstration, a copy of one under no id, or something new; with or without a group."""
    rng = np.random.default_rng(seed)
    group = _one_of("group", 3, rng)
    if records and rng.random() < 0.7:
        like = records[rng.integers(len(records))]
        vector = np.array(like.vector, dtype=np.float32)
        if rng.random() < 0.6:
            sha256 = like.sha256 if rng.random() < 0.7 else None
            return ResolvedQuery(vector, id=like.id, sha256=sha256, group=like.group, domain=like.domain)
        return ResolvedQuery(vector, sha256=like.sha256 if rng.random() < 0.5 else None, group=group)
    return ResolvedQuery(unit_vectors(rng, 1, dim)[0], group=group)


def _one_of(word: str, count: int, rng: np.random.Generator) -> str | None:
    number = int(rng.integers(-1, count))
    return None if number < 0 else f"{word}{number}"
