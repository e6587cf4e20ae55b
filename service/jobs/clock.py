"""The time as the tables keep it."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["utc_now", "with_zone"]


def utc_now() -> datetime:
    """Now, in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def with_zone(at: datetime | None) -> datetime | None:
    """A time from a table with its zone, UTC, said."""
    return None if at is None else at.replace(tzinfo=UTC)
