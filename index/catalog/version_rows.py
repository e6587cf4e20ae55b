"""Statements on the table of encoder versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from index.catalog.tables import encoder_versions, pools, tail_vectors
from index.encoder_version import FROZEN, EncoderVersion
from invariantselect.errors import EncoderVersionNotFoundError

__all__ = [
    "add_version",
    "all_versions",
    "find_version",
    "live_versions",
    "make_serving",
    "remove_version",
    "reserve_number",
    "retire",
]

_v = encoder_versions.c


def all_versions(connection: Connection, key: str) -> list[EncoderVersion]:
    """All encoder versions of a pool, in ascending order of numbers."""
    return _read(connection, _v.pool_key == key)


def live_versions(connection: Connection, key: str) -> list[EncoderVersion]:
    """Number 1, and the one that serves if there is one."""
    return _read(connection, _v.pool_key == key, or_(_v.number == FROZEN, _v.state == "serving"))


def find_version(connection: Connection, key: str, number: int, *, pool: str) -> EncoderVersion:
    """The version with a number; `pool` is the pool's name, for the person who reads the error.

    Raises:
        EncoderVersionNotFoundError: There is none.
    """
    found = _read(connection, _v.pool_key == key, _v.number == number)
    if not found:
        raise EncoderVersionNotFoundError(f"the pool {pool!r} has no encoder version {number}", pool=pool)
    return found[0]


def add_version(connection: Connection, key: str, version: EncoderVersion) -> None:
    """Add a version."""
    values = {
        **{name: getattr(version, name) for name in ("number", "encoder", "fingerprint", "dim", "state")},
        "pool_key": key,
        "looks_at_domains": version.looks_at_domains,
        "lineage": json.dumps(dict(version.lineage), sort_keys=True),
        "created_at": version.created_at.astimezone(UTC).replace(tzinfo=None),
    }
    connection.execute(insert(encoder_versions), values)


def reserve_number(connection: Connection, key: str, *, at_least: int) -> int:
    """A number that no version of the pool has, will get or has had."""
    statement = select(pools.c.next_number).where(pools.c.key == key)
    number = max(int(connection.execute(statement).scalar_one()), at_least)
    connection.execute(update(pools).where(pools.c.key == key).values(next_number=number + 1))
    return number


def make_serving(connection: Connection, key: str, number: int) -> None:
    """Let a version serve in place of the one that did; for number 1, let none serve."""
    serving = connection.execute(select(_v.number).where(_v.pool_key == key, _v.state == "serving")).scalars().all()
    for before in serving:
        retire(connection, key, before)
    if number != FROZEN:
        _set_state(connection, key, number, "serving")


def retire(connection: Connection, key: str, number: int) -> None:
    """Retire a version: nothing new is encoded by it. What is sealed stays, for a way back; its tail goes."""
    _set_state(connection, key, number, "retired")
    connection.execute(delete(tail_vectors).where(tail_vectors.c.pool_key == key, tail_vectors.c.number == number))


def remove_version(connection: Connection, key: str, number: int) -> None:
    """Remove a version with what is in its tail; its number isn't given again."""
    connection.execute(delete(tail_vectors).where(tail_vectors.c.pool_key == key, tail_vectors.c.number == number))
    connection.execute(delete(encoder_versions).where(_v.pool_key == key, _v.number == number))


def _set_state(connection: Connection, key: str, number: int, state: str) -> None:
    connection.execute(update(encoder_versions).where(_v.pool_key == key, _v.number == number).values(state=state))


def _read(connection: Connection, *conditions: ColumnElement[bool]) -> list[EncoderVersion]:
    statement = select(encoder_versions).where(*conditions).order_by(_v.number)
    return [_version(row._asdict()) for row in connection.execute(statement)]


def _version(values: Mapping[str, Any]) -> EncoderVersion:
    rest = {name: value for name, value in values.items() if name != "pool_key"}
    created_at = values["created_at"].replace(tzinfo=UTC)
    return EncoderVersion(**{**rest, "lineage": json.loads(values["lineage"]), "created_at": created_at})
