"""What a write does to a pool, inside a write transaction: upsert, patch, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32
from sqlalchemy import Connection

from index.catalog.changes import Changeset
from index.catalog.demonstration_rows import Stored, stored_by_id
from index.catalog.pool_rows import PoolRow, advance
from index.demonstration import Changes, Demonstration, Outcome
from index.metadata import metadata_text
from invariantselect.errors import DemonstrationNotFoundError
from invariantselect.wire.demonstrations import OutcomeStatus

__all__ = ["NewDemonstration", "Written", "delete", "patch", "upsert"]


@dataclass(frozen=True, eq=False)
class NewDemonstration:
    """A demonstration to store, its image already in the blob store.

    Attributes:
        demonstration: As it shall be stored.
        vector: (dim,) float32.
    """

    demonstration: Demonstration
    vector: Float32[np.ndarray, " dim"]


@dataclass(frozen=True)
class Written:
    """What a write did.

    Attributes:
        outcomes: One for each demonstration, in the order given.
        freed: Content hashes of images that a demonstration has ceased to use; others may use them still.
    """

    outcomes: list[Outcome]
    freed: set[str]


def upsert(connection: Connection, pool: PoolRow, new: Sequence[NewDemonstration], *, first_row: int) -> Written:
    """Insert or replace; an image that is new gets a new row, from `first_row` on, and the old row dies."""
    changes = Changeset(pool.key, pool.version + 1)
    stored = stored_by_id(connection, pool.key, (item.demonstration.id for item in new))
    existing = frozenset(stored)
    outcomes: list[Outcome] = []
    freed: set[str] = set()
    next_row = first_row
    status: OutcomeStatus
    for item in new:
        demonstration = item.demonstration
        old = stored.get(demonstration.id)
        exists = demonstration.id in existing
        if old is not None and old.demonstration.sha256 == demonstration.sha256:
            status = "unchanged" if same_words(old.demonstration, demonstration) else "updated"
            if status == "updated":
                changes.put(old.row, demonstration, None, exists=exists)
            row = old.row
        else:
            status = "created" if old is None else "replaced"
            if old is not None:
                changes.kill(old.row)
                freed.add(old.demonstration.sha256)
            row, next_row = next_row, next_row + 1
            changes.put(row, demonstration, item.vector, exists=exists)
        stored[demonstration.id] = Stored(row, demonstration)
        outcomes.append(Outcome(demonstration.id, status))
    _finish(connection, pool, changes, outcomes, next_row=next_row)
    return Written(outcomes, freed)


def patch(connection: Connection, pool: PoolRow, wanted: Mapping[str, Changes]) -> Written:
    """Change label, domain, group or metadata of stored demonstrations."""
    changes = Changeset(pool.key, pool.version + 1)
    stored = stored_by_id(connection, pool.key, wanted)
    status: OutcomeStatus
    outcomes: list[Outcome] = []
    for id, values in wanted.items():
        old = stored.get(id)
        if old is None:
            outcomes.append(_missing(pool, id))
            continue
        changed = replace(old.demonstration, **values)
        status = "unchanged" if same_words(old.demonstration, changed) else "updated"
        if status == "updated":
            changes.put(old.row, changed, None, exists=True)
        outcomes.append(Outcome(id, status))
    _finish(connection, pool, changes, outcomes, next_row=pool.next_row)
    return Written(outcomes, set())


def delete(connection: Connection, pool: PoolRow, ids: Iterable[str]) -> Written:
    """Delete demonstrations; an id named twice is gone the second time."""
    changes = Changeset(pool.key, pool.version + 1)
    ids = list(ids)
    stored = stored_by_id(connection, pool.key, ids)
    outcomes: list[Outcome] = []
    freed: set[str] = set()
    for id in ids:
        old = stored.pop(id, None)
        if old is None:
            outcomes.append(_missing(pool, id))
            continue
        changes.drop(id, old.row)
        freed.add(old.demonstration.sha256)
        outcomes.append(Outcome(id, "deleted"))
    _finish(connection, pool, changes, outcomes, next_row=pool.next_row)
    return Written(outcomes, freed)


def _finish(
    connection: Connection, pool: PoolRow, changes: Changeset, outcomes: Sequence[Outcome], *, next_row: int
) -> None:
    if any(outcome.status not in ("unchanged", "failed") for outcome in outcomes):
        changes.apply(connection)
        advance(connection, pool.key, version=pool.version + 1, next_row=next_row)


def same_words(one: Demonstration, other: Demonstration) -> bool:
    return (
        (one.label, one.domain, one.group) == (other.label, other.domain, other.group)
        and metadata_text(one.metadata) == metadata_text(other.metadata)
    )  # fmt: skip


def _missing(pool: PoolRow, id: str) -> Outcome:
    error = DemonstrationNotFoundError(f"the pool {pool.name!r} has no demonstration {id!r}", id=id)
    return Outcome(id, "failed", error)
