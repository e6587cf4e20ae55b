"""The time as the tables keep it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

__all__ = ["now_of", "utc_now", "with_zone"]


def now_of(connection: Connection) -> datetime:
    """Now, in UTC, without a zone, by the one clock of all who share the tables: that of the database's server.

    Machines whose clocks differ would take each other's workers for dead. A catalog in a file is on this machine.
    """
    if connection.dialect.name != "postgresql":
        return utc_now()
    now: datetime = connection.execute(select(func.timezone("UTC", func.clock_timestamp()))).scalar_one()
    return now


def utc_now() -> datetime:
    """Now by this machine's clock, in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def with_zone(at: datetime | None) -> datetime | None:
    """A time from a table with its zone, UTC, said."""
    return None if at is None else at.replace(tzinfo=UTC)
