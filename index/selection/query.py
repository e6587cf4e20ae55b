"""A query that is ready to be searched: its vector and what is known about where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from jaxtyping import Float32, Int64

from index.selection.searchable import Column, Searchable

__all__ = ["ResolvedQuery", "stored_query"]


@dataclass(frozen=True, eq=False)
class ResolvedQuery:
    """What a selection is made for.

    Attributes:
        vector: (dim,) float32, L2-normalised, from the pool's encoder.
        id: Id in the pool, for a query that is a stored demonstration.
        sha256: Hash of the image's bytes, 64 hexadecimal digits, where there is an image.
        group: Patient or slide, where known.
        domain: Where the image comes from, where known.
        barred: Positions that may not be chosen for this query, whatever else is excluded.
    """

    vector: Float32[np.ndarray, " dim"]
    id: str | None = None
    sha256: str | None = None
    group: str | None = None
    domain: str | None = None
    barred: Int64[np.ndarray, " barred"] | None = None

    def digest(self) -> int:
        """64 bits that name the query: of its id, else of its image's hash, else of its vector.

        Randomness is drawn from it, so that a query gets the same draw alone and in a batch.
        """
        if self.id is not None:
            named = b"id\0" + self.id.encode()
        elif self.sha256 is not None:
            named = b"sha256\0" + self.sha256.encode()
        else:
            named = b"vector\0" + np.ascontiguousarray(self.vector, dtype="<f4").tobytes()
        return int.from_bytes(blake2b(named, digest_size=8).digest(), "little")


def stored_query(snapshot: Searchable, position: int) -> ResolvedQuery:
    """The demonstration at a position of the snapshot, as a query."""
    sha256 = snapshot.sha256[position]
    return ResolvedQuery(
        vector=snapshot.vectors(np.array([position], dtype=np.int64))[0],
        id=str(snapshot.ids[position]),
        sha256=sha256.decode() if isinstance(sha256, bytes) else str(sha256),
        group=_value(snapshot.groups, position),
        domain=_value(snapshot.domains, position),
    )


def _value(column: Column, position: int) -> str | None:
    code = int(column.codes[position])
    return None if code < 0 else column.values[code]
