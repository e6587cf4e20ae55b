"""Writing demonstrations, the vectors of the tail, and tombstones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from sqlalchemy import Connection, bindparam, delete, insert, update

from index.catalog.tables import demonstrations, tail_vectors, tombstones
from index.catalog.tail_bytes import stored
from index.demonstration import Demonstration
from index.metadata import metadata_text

__all__ = ["Changeset", "add_to_tail", "forget_sealed", "forget_tombstones"]


class Changeset:
    """What one write transaction does to a pool, gathered by id and applied with one statement a kind.

    A batch may name an id several times; what it held before the transaction is what counts as dead.
    """

    def __init__(self, key: str, version: int) -> None:
        self._key = key
        self._version = version
        self._inserts: dict[str, dict[str, Any]] = {}
        self._updates: dict[str, dict[str, Any]] = {}
        self._deletes: set[str] = set()
        self._vectors: dict[int, dict[int, bytes]] = {}
        self._dead: list[int] = []

    def put(
        self, row: int, new: Demonstration, vectors: Mapping[int, Float32[np.ndarray, " _"]], *, exists: bool
    ) -> None:
        """Store a demonstration under a row; with its vector of each live encoder version where the row is new."""
        now = datetime.now(UTC).replace(tzinfo=None)
        values = {
            "id": new.id,
            "row": row,
            "image_sha256": new.sha256,
            "label": new.label,
            "domain": new.domain,
            "group": new.group,
            "metadata": metadata_text(new.metadata),
            "media_type": new.media_type,
            "width": new.width,
            "height": new.height,
            "version": self._version,
            "updated_at": now,
        }
        if exists and new.id not in self._inserts:
            self._updates[new.id] = values
        else:
            self._inserts[new.id] = {**values, "pool_key": self._key, "created_at": now}
        if vectors:
            self._vectors[row] = {number: stored(vector) for number, vector in vectors.items()}

    def kill(self, row: int) -> None:
        """Let a row die: its demonstration was deleted, or got a new row."""
        if row in self._vectors:
            del self._vectors[row]  # born in this very transaction, so no reader has ever seen it
        else:
            self._dead.append(row)

    def drop(self, id: str, row: int) -> None:
        """Delete a demonstration."""
        self._deletes.add(id)
        self.kill(row)

    def apply(self, connection: Connection) -> None:
        """Run the statements."""
        mine = demonstrations.c.pool_key == self._key
        by_id = demonstrations.c.id == bindparam("old_id")
        _many(connection, delete(demonstrations).where(mine, by_id), [{"old_id": id} for id in self._deletes])
        for values in self._updates.values():
            values["old_id"] = values.pop("id")
        _many(connection, update(demonstrations).where(mine, by_id), list(self._updates.values()))
        _many(connection, insert(demonstrations), list(self._inserts.values()))
        tail = [
            {"pool_key": self._key, "row": row, "number": number, "vector": vector}
            for row, vectors in self._vectors.items()
            for number, vector in vectors.items()
        ]
        _many(connection, insert(tail_vectors), tail)
        of_tail = (tail_vectors.c.pool_key == self._key) & (tail_vectors.c.row == bindparam("dead_row"))
        _many(connection, delete(tail_vectors).where(of_tail), [{"dead_row": row} for row in self._dead])
        dead = [{"pool_key": self._key, "row": row, "version": self._version} for row in self._dead]
        _many(connection, insert(tombstones), dead)


def add_to_tail(
    connection: Connection, key: str, number: int, rows: Int64[np.ndarray, " n"], vectors: Float32[np.ndarray, "n dim"]
) -> None:
    """Put vectors of an encoder version into its tail, and nothing else: rows that are stored get their vectors."""
    tail = [
        {"pool_key": key, "row": row, "number": number, "vector": stored(vector)}
        for row, vector in zip(rows.tolist(), vectors, strict=True)
    ]
    _many(connection, insert(tail_vectors), tail)


def forget_sealed(connection: Connection, key: str, number: int, *, through: int) -> None:
    """Remove an encoder version's vectors from the tail, up to a row: they lie in segments, or are dead."""
    t = tail_vectors.c
    connection.execute(delete(tail_vectors).where(t.pool_key == key, t.number == number, t.row <= through))


def forget_tombstones(connection: Connection, key: str, *, through: int) -> None:
    """Remove the tombstones up to a version."""
    connection.execute(delete(tombstones).where(tombstones.c.pool_key == key, tombstones.c.version <= through))


def _many(connection: Connection, statement: Any, parameters: Sequence[Mapping[str, Any]]) -> None:
    if parameters:
        connection.execute(statement, parameters)
