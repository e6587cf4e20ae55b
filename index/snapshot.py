"""An immutable version of a pool: what is in it, and which of it lies nearest to a query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped

from index.column import Column
from index.columns import Columns, find_rows
from index.demonstration import Demonstration
from index.encoder_version import FROZEN
from index.metadata_column import MetadataColumn
from index.search import Neighbours, Sources
from invariantselect.errors import InvalidVectorError

__all__ = ["Column", "Neighbours", "Snapshot"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A pool at one version, in the space of one of its encoder versions.

    Nothing in it ever changes: any number of threads may search it while others write.

    Attributes:
        version: Of the pool; the number that every answer carries.
        fingerprint: Of the encoder that made the vectors.
        dim: Length of a vector.
        columns: What is known about each position.
        sources: Where the vectors lie.
        rows_by_id: Latest known row of each id, some of them dead, shared with other snapshots; see `position_of`.
        generation: Of the manifest whose segments are used.
        number: Of the encoder version.
    """

    version: int
    fingerprint: str
    dim: int
    columns: Columns
    sources: Sources
    rows_by_id: dict[str, int]
    generation: int
    number: int = FROZEN

    @property
    def size(self) -> int:
        """Number of positions, dead ones included."""
        return self.columns.size

    @property
    def rows(self) -> Int64[np.ndarray, " size"]:
        """Row of each position, ascending: unlike the position it stays when segments are sealed or merged."""
        return self.columns.rows

    @property
    def alive(self) -> Bool[np.ndarray, " size"]:
        """Whether the position holds a demonstration."""
        return self.columns.alive

    @property
    def ids(self) -> Shaped[np.ndarray, " size"]:
        """Ids as Python strings."""
        return self.columns.ids

    @property
    def labels(self) -> Column:
        """Labels."""
        return self.columns.labels

    @property
    def domains(self) -> Column:
        """Domains."""
        return self.columns.domains

    @property
    def groups(self) -> Column:
        """Groups."""
        return self.columns.groups

    @property
    def sha256(self) -> Shaped[np.ndarray, " size"]:
        """Content hashes of the images, 64 hexadecimal digits as ASCII bytes (dtype S64)."""
        return self.columns.sha256

    @property
    def metadata(self) -> MetadataColumn:
        """Metadata, flat JSON."""
        return self.columns.metadata

    @property
    def media_types(self) -> Column:
        """Media types of the images."""
        return self.columns.media_types

    @property
    def sizes(self) -> Int32[np.ndarray, "size 2"]:
        """Width and height of the images in pixels."""
        return self.columns.sizes

    def search(
        self,
        queries: Float32[np.ndarray, "batch dim"],
        limit: int | None,
        allowed: Bool[np.ndarray, " size"] | None = None,
    ) -> list[Neighbours]:
        """The nearest living positions of each query, best first, ties by id; exact at any selectivity.

        Only where a rebuild was asked for a recall below 1, and nothing that lives is barred, a neighbour may be left
        out now and then: see `index.proposers`. The same snapshot always gives the same answer.

        Args:
            queries: (batch, dim) float32 vectors of this snapshot's encoder.
            limit: How many at most, at least 1; None for all.
            allowed: (size,) bool, which positions count; all living ones for None.

        Returns:
            For each query its neighbours, fewer than `limit` where fewer are alive and allowed.

        Raises:
            InvalidVectorError: A query of the wrong length, not finite, or all zeros.
        """
        self._check(queries)
        if limit is not None and limit < 1:
            raise ValueError("limit is at least 1, or None for all")
        mask = self.alive if allowed is None else allowed & self.alive
        filtered = allowed is not None and np.count_nonzero(mask) < np.count_nonzero(self.alive)
        return self.sources.nearest(queries, limit, None if mask.all() else mask, self.ids, exact=bool(filtered))

    def similarities(self, query: Float32[np.ndarray, " dim"]) -> Float32[np.ndarray, " size"]:
        """Cosine similarity of every position, dead ones included, to within the rounding of a float32 scan."""
        return self.sources.products(query)

    def vectors(self, positions: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
        """A copy of the vectors at positions, (n, dim) float32."""
        return self.sources.vectors(positions)

    def position_of(self, id: str, /) -> int | None:
        """Position of a living demonstration, None where there is none with this id."""
        row = self.rows_by_id.get(id)
        if row is None:
            return None
        position = int(find_rows(self.rows, np.array([row]))[0])
        if position < 0 and (not self.size or row < self.rows[-1]):
            return None  # it died, and its row has been dropped since
        if position < 0 or self.ids[position] != id:
            # A later snapshot has replaced it; this one is old, and rarely asked.
            older = np.flatnonzero((self.ids == id) & self.alive)
            return int(older[0]) if len(older) else None
        return position if self.alive[position] else None

    def demonstration(self, position: int) -> Demonstration:
        """The demonstration at a living position."""
        columns = self.columns
        return Demonstration(
            id=columns.ids[position],
            label=columns.labels.value(position) or "",
            domain=columns.domains.value(position),
            group=columns.groups.value(position),
            metadata=columns.metadata.mappings[position],
            sha256=bytes(columns.sha256[position]).decode(),
            media_type=columns.media_types.value(position) or "",
            width=int(columns.sizes[position, 0]),
            height=int(columns.sizes[position, 1]),
        )

    def _check(self, queries: Float32[np.ndarray, "batch dim"]) -> None:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise InvalidVectorError(f"a query vector has {queries.shape[-1]} numbers, the pool's have {self.dim}")
        if not np.isfinite(queries).all() or not queries.any(axis=1).all():
            raise InvalidVectorError("a query vector is not finite, or all zeros")
