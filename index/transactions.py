"""What a write does to a pool, inside a write transaction: upsert, patch, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float32
from sqlalchemy import Connection

from index.catalog.changes import Changeset
from index.catalog.demonstration_rows import Stored, stored_by_id
from index.catalog.pool_rows import PoolRow, advance
from index.catalog.removal_rows import free
from index.demonstration import Changes, Demonstration, Outcome
from index.encoder_version import EncoderVersion
from index.metadata import metadata_text
from invariantselect.errors import DemonstrationNotFoundError
from invariantselect.wire.demonstrations import OutcomeStatus

__all__ = ["Moving", "NewDemonstration", "VectorsMissingError", "Written", "delete", "patch", "upsert"]


@dataclass(frozen=True, eq=False)
class NewDemonstration:
    """A demonstration to store, its image already in the blob store.

    Attributes:
        demonstration: As it shall be stored.
        vectors: By fingerprint, (dim,) float32, one for each live encoder version at least.
    """

    demonstration: Demonstration
    vectors: Mapping[str, Float32[np.ndarray, " _"]]


@dataclass(frozen=True, eq=False)
class Moving:
    """A stored demonstration that must get a new row, with new vectors: its domain changes, and that changes them.

    Attributes:
        row: The one it has.
        sha256: Content hash of its image.
        domain: The one it gets.
        vectors: By fingerprint, (dim,) float32, of the image with that domain.
    """

    row: int
    sha256: str
    domain: str | None
    vectors: Mapping[str, Float32[np.ndarray, " _"]] = field(default_factory=dict)


class VectorsMissingError(Exception):
    """A patch needs vectors that it wasn't given; nothing was changed.

    Args:
        moving: The demonstrations they are missing of, by id.
    """

    def __init__(self, moving: Mapping[str, Moving]) -> None:
        super().__init__(f"{len(moving)} demonstrations need new vectors")
        self.moving = moving


@dataclass(frozen=True)
class Written:
    """What a write did.

    Attributes:
        outcomes: One for each demonstration, in the order given.
        freed: Content hashes of images that a demonstration has ceased to use; others may use them still.
    """

    outcomes: list[Outcome]
    freed: set[str]


def upsert(
    connection: Connection,
    pool: PoolRow,
    versions: Sequence[EncoderVersion],
    new: Sequence[NewDemonstration],
    *,
    first_row: int,
) -> Written:
    """Insert or replace; an image that is new gets a new row, from `first_row` on, and the old row dies.

    So does a domain that is new where vectors of some encoder version depend on it, live or not: one that isn't may be
    filled or switched back to, and must find under a row what it once made a vector of.
    """
    changes = Changeset(pool.key, pool.version + 1)
    stored = stored_by_id(connection, pool.key, (item.demonstration.id for item in new))
    existing = frozenset(stored)
    outcomes: list[Outcome] = []
    freed: set[str] = set()
    next_row = first_row
    for item in new:
        demonstration = item.demonstration
        old = stored.get(demonstration.id)
        exists = demonstration.id in existing
        status = _status(old, demonstration)
        if old is not None and _keeps_row(old.demonstration, demonstration, versions):
            row = old.row
            if status == "updated":
                changes.put(row, demonstration, {}, exists=exists)
        else:
            if old is not None:
                changes.kill(old.row)
                freed.update({old.demonstration.sha256} - {demonstration.sha256})
            row, next_row = next_row, next_row + 1
            changes.put(row, demonstration, _numbered(item.vectors, versions), exists=exists)
        stored[demonstration.id] = Stored(row, demonstration)
        outcomes.append(Outcome(demonstration.id, status))
    _finish(connection, pool, changes, outcomes, next_row=next_row)
    free(connection, freed)
    return Written(outcomes, freed)


def patch(
    connection: Connection,
    pool: PoolRow,
    versions: Sequence[EncoderVersion],
    wanted: Mapping[str, Changes],
    moving: Mapping[str, Moving],
    *,
    first_row: int,
) -> Written:
    """Change label, domain, group or metadata of stored demonstrations; a new domain may need a new row, as above.

    Raises:
        VectorsMissingError: Of some that need a new row `moving` lacks vectors, or was made of what they were before.
    """
    changes = Changeset(pool.key, pool.version + 1)
    stored = stored_by_id(connection, pool.key, wanted)
    outcomes: list[Outcome] = []
    lacking: dict[str, Moving] = {}
    next_row = first_row
    for id, values in wanted.items():
        old = stored.get(id)
        if old is None:
            outcomes.append(_missing(pool, id))
            continue
        changed = replace(old.demonstration, **values)
        status = _status(old, changed)
        if not _keeps_row(old.demonstration, changed, versions):
            prepared = _prepared(moving.get(id), old, changed, versions)
            if prepared is None:
                lacking[id] = Moving(old.row, changed.sha256, changed.domain)
                continue
            changes.kill(old.row)
            changes.put(next_row, changed, prepared, exists=True)
            next_row += 1
        elif status == "updated":
            changes.put(old.row, changed, {}, exists=True)
        outcomes.append(Outcome(id, status))
    if lacking:
        raise VectorsMissingError(lacking)
    _finish(connection, pool, changes, outcomes, next_row=next_row)
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
    free(connection, freed)
    return Written(outcomes, freed)


def _finish(
    connection: Connection, pool: PoolRow, changes: Changeset, outcomes: Sequence[Outcome], *, next_row: int
) -> None:
    if any(outcome.status not in ("unchanged", "failed") for outcome in outcomes):
        changes.apply(connection)
        advance(connection, pool.key, version=pool.version + 1, next_row=next_row)


def _status(old: Stored | None, new: Demonstration) -> OutcomeStatus:
    if old is None:
        return "created"
    if old.demonstration.sha256 != new.sha256:
        return "replaced"
    return "unchanged" if same_words(old.demonstration, new) else "updated"


def _keeps_row(old: Demonstration, new: Demonstration, versions: Sequence[EncoderVersion]) -> bool:
    same_domain = old.domain == new.domain or not any(version.looks_at_domains for version in versions)
    return old.sha256 == new.sha256 and same_domain


def _prepared(
    moving: Moving | None, old: Stored, new: Demonstration, versions: Sequence[EncoderVersion]
) -> dict[int, Float32[np.ndarray, " _"]] | None:
    """The vectors of a demonstration that gets a new row; None where they were made of something else, or of none."""
    if moving is None or (moving.row, moving.sha256, moving.domain) != (old.row, new.sha256, new.domain):
        return None
    if any(version.live and version.fingerprint not in moving.vectors for version in versions):
        return None
    return _numbered(moving.vectors, versions)


def _numbered(
    vectors: Mapping[str, Float32[np.ndarray, " _"]], versions: Sequence[EncoderVersion]
) -> dict[int, Float32[np.ndarray, " _"]]:
    return {version.number: vectors[version.fingerprint] for version in versions if version.live}


def same_words(one: Demonstration, other: Demonstration) -> bool:
    return (
        (one.label, one.domain, one.group) == (other.label, other.domain, other.group)
        and metadata_text(one.metadata) == metadata_text(other.metadata)
    )  # fmt: skip


def _missing(pool: PoolRow, id: str) -> Outcome:
    error = DemonstrationNotFoundError(f"the pool {pool.name!r} has no demonstration {id!r}", id=id)
    return Outcome(id, "failed", error)
