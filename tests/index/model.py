"""What a pool must do, said plainly: a dictionary, and a sort over exact sums."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from index.pool import Entry, Pool
from index.snapshot import Snapshot
from tests.index.entries import FINGERPRINT, vector_of_image


def exact_score(vector: np.ndarray, query: np.ndarray) -> np.float32:
    products = vector.astype(np.float64) * query.astype(np.float64)
    return np.float32(math.fsum(products.tolist()))


def nearest(vectors: dict[str, np.ndarray], query: np.ndarray, limit: int | None) -> list[tuple[str, np.float32]]:
    scored = [(id, exact_score(vector, query)) for id, vector in vectors.items()]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:limit]


def answers(snapshot: Snapshot, query: np.ndarray, limit: int | None, allowed: np.ndarray | None = None):
    (found,) = snapshot.search(query[np.newaxis], limit, allowed)
    return list(zip(snapshot.ids[found.positions].tolist(), found.scores, strict=True))


def queries_in(dim: int) -> np.ndarray:
    return np.stack([vector_of_image(b"query", dim), np.eye(1, dim, dtype=np.float32)[0]])


@dataclass
class Model:
    """Entries by id, as the last write left them."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def vectors(self, fingerprint: str = FINGERPRINT) -> dict[str, np.ndarray]:
        return {id: entry.vectors[fingerprint] for id, entry in self.entries.items()}

    def check(self, snapshot: Snapshot, queries: np.ndarray, limit: int | None = 5) -> None:
        """The snapshot holds exactly these entries, word for word, and finds the nearest of them."""
        living = np.flatnonzero(snapshot.alive)
        assert sorted(snapshot.ids[living].tolist()) == sorted(self.entries)
        for position in living.tolist():
            stored = snapshot.demonstration(position)
            entry = self.entries[stored.id]
            assert snapshot.position_of(stored.id) == position
            words = (stored.label, stored.domain, stored.group, dict(stored.metadata))
            assert words == (entry.label, entry.domain, entry.group, dict(entry.metadata))
            np.testing.assert_array_equal(
                snapshot.vectors(np.array([position]))[0], entry.vectors[snapshot.fingerprint]
            )
        for query in queries:
            wanted = nearest(self.vectors(snapshot.fingerprint), query, limit)
            assert answers(snapshot, query, limit) == wanted

    def check_all(self, pool: Pool, limit: int | None = 5) -> None:
        """So does a snapshot of each live encoder version, and all are of one version of the pool."""
        together = pool.snapshots()
        self.check(together.frozen, queries_in(together.frozen.dim), limit)
        if together.adapted is not None and together.serving is not None:
            assert together.adapted.version == together.frozen.version
            assert together.adapted.number == together.serving.number
            assert together.adapted.fingerprint == together.serving.fingerprint
            self.check(together.adapted, queries_in(together.adapted.dim), limit)
