"""A key gets a successor, and both work for a while, so that whoever uses it can change over without a gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from index.catalog.engine import Catalog
from invariantselect.errors import InvalidRequestError
from service.access.keys import NewKey, add_key, key_of
from service.tables import api_keys

__all__ = ["rotate_key"]


def rotate_key(store: Catalog, id: str, overlap: timedelta, lifetime: timedelta | None = None) -> NewKey:
    """Make a successor of a key, with its scope, pools and name, and let the key expire.

    Args:
        store: Where the keys are.
        id: Of a key that works and has no successor.
        overlap: How long the key still works, unless it expires before; zero ends it at once.
        lifetime: Of the successor; None for as long as the key was made for.

    Raises:
        InvalidRequestError: No such key works, or it has a successor; nothing is changed.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.id == id)).one_or_none()
        key = None if row is None else key_of(row._mapping)
        if key is None or not key.works(now):
            raise InvalidRequestError("no key with this id works", hint="'invariantselect keys list' shows them.")
        if lifetime is None and key.expires_at is not None:
            lifetime = key.expires_at - key.created_at
        made = add_key(connection, key.scope, key.name, key.pools, lifetime)
        end = now + overlap if key.expires_at is None else min(now + overlap, key.expires_at)
        # Asked again in the statement: of two that rotate at once, one must fail and leave nothing.
        replaced = connection.execute(
            update(api_keys)
            .where(api_keys.c.id == id, api_keys.c.successor.is_(None), api_keys.c.revoked_at.is_(None))
            .values(successor=made.key.id, expires_at=end.replace(tzinfo=None))
        )
        if replaced.rowcount != 1:
            raise InvalidRequestError(
                f"the key {id} was rotated already", hint="Rotate its successor; 'invariantselect keys list' shows it."
            )
    return made
