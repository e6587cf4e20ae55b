"""API keys: made, listed, revoked, and checked on each request.

A key is ``isk_<id>_<secret>``: the id finds its row, the secret proves it. Only a hash of the secret is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias, get_args

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, RowMapping, insert, select, update

from index.catalog.engine import Catalog
from invariantselect.errors import InvalidRequestError, UnauthenticatedError
from invariantselect.wire.base import PoolName
from service.jobs.clock import utc_now, with_zone
from service.tables import api_keys

__all__ = [
    "SCOPES",
    "ApiKey",
    "NewKey",
    "Scope",
    "add_key",
    "create_key",
    "key_of",
    "list_keys",
    "revoke_key",
    "verify_key",
]

Scope: TypeAlias = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From least to most; each includes the ones before it."""

_SHAPE = re.compile(r"isk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODY = "0" * 64
_POOL_NAME: TypeAdapter[str] = TypeAdapter(PoolName)


@dataclass(frozen=True)
class ApiKey:
    """A key as stored.

    Attributes:
        id: Its public part, safe to log.
        scope: What it may do.
        name: What its maker called it.
        created_at: When it was made, UTC.
        revoked_at: When it was revoked, UTC; None for one that wasn't.
        pools: Names of the pools that it is limited to; None for all.
        expires_at: When it ends by itself, UTC; None for never.
        successor: Id of the key that was made to take its place.
        last_used_on: The last day on which it was used, UTC.
    """

    id: str
    scope: Scope
    name: str
    created_at: datetime
    revoked_at: datetime | None = None
    pools: frozenset[str] | None = None
    expires_at: datetime | None = None
    successor: str | None = None
    last_used_on: date | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this key's scope includes another."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def works(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired at a time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time that its secret can be seen."""

    key: ApiKey
    secret: str


def create_key(
    store: Catalog, scope: Scope, name: str = "", *, pools: Iterable[str] = (), lifetime: timedelta | None = None
) -> NewKey:
    """Make a key.

    Args:
        store: As `service.store.open_store` opens it.
        scope: What it may do.
        name: To recognise it by, up to 256 characters.
        pools: Names of the pools that it is limited to, which needn't exist yet; none for all pools.
        lifetime: After which it ends by itself; None for never.

    Returns:
        The key; its `secret` is what a client sends and is stored nowhere.

    Raises:
        InvalidRequestError: No such scope, too long a name, no name of a pool, or no lifetime.
    """
    if scope not in SCOPES:
        raise InvalidRequestError(f"there is no scope {scope!r}", hint=f"Scopes are {', '.join(SCOPES)}.")
    if len(name) > 256 or not name.isprintable():
        raise InvalidRequestError("the name of a key is at most 256 printable characters", hint="Shorten the name.")
    limited = frozenset(_pool_name(pool) for pool in pools) or None
    with store.writing() as connection:
        return add_key(connection, scope, name, limited, lifetime)


def add_key(
    connection: Connection, scope: Scope, name: str, pools: frozenset[str] | None, lifetime: timedelta | None
) -> NewKey:
    """Make a key in the caller's transaction; what it is made of was checked before.

    Raises:
        InvalidRequestError: It would end before it begins, or after the year 9999.
    """
    now = datetime.now(UTC)
    key = ApiKey(secrets.token_hex(8), scope, name, now, pools=pools, expires_at=_end(now, lifetime))
    secret = secrets.token_urlsafe(32)
    connection.execute(
        insert(api_keys).values(
            id=key.id,
            secret_sha256=_hashed(secret),
            scope=scope,
            name=name,
            created_at=now.replace(tzinfo=None),
            pools=None if pools is None else json.dumps(sorted(pools)),
            expires_at=None if key.expires_at is None else key.expires_at.replace(tzinfo=None),
        )
    )
    return NewKey(key, f"isk_{key.id}_{secret}")


def list_keys(store: Catalog) -> list[ApiKey]:
    """All keys, oldest first, revoked and expired ones included."""
    with store.reading() as connection:
        rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)).all()
    return [key_of(row._mapping) for row in rows]


def revoke_key(store: Catalog, id: str) -> bool:
    """Make a key useless from the next request on.

    Args:
        store: Where the keys are.
        id: The key's id, the part between the underscores.

    Returns:
        Whether there was such a key that wasn't revoked yet.
    """
    with store.writing() as connection:
        done = connection.execute(
            update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None)).values(revoked_at=utc_now())
        )
    return done.rowcount == 1


def verify_key(store: Catalog, presented: str) -> ApiKey:
    """The key that a client presented.

    An unknown id costs the same look-up, hash and comparison as a known one.

    Raises:
        UnauthenticatedError: Unknown, wrong, expired or revoked; which of them is not told.
    """
    match = _SHAPE.fullmatch(presented)
    id, secret = match.groups() if match else ("", presented)
    with store.reading() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.id == id)).one_or_none()
    stored = _NOBODY if row is None else row.secret_sha256
    proven = hmac.compare_digest(_hashed(secret), stored)
    key = None if row is None or not proven else key_of(row._mapping)
    if key is None or not key.works(datetime.now(UTC)):
        raise UnauthenticatedError("the API key is unknown, has expired or was revoked")
    return key


def key_of(values: RowMapping) -> ApiKey:
    """A key as its row describes it."""
    return ApiKey(
        id=values["id"],
        scope=values["scope"],
        name=values["name"],
        created_at=values["created_at"].replace(tzinfo=UTC),
        revoked_at=with_zone(values["revoked_at"]),
        pools=None if values["pools"] is None else frozenset(json.loads(values["pools"])),
        expires_at=with_zone(values["expires_at"]),
        successor=values["successor"],
        last_used_on=values["last_used_on"],
    )


def _pool_name(name: str) -> str:
    try:
        return _POOL_NAME.validate_python(name, strict=True)
    except ValidationError:
        raise InvalidRequestError(
            f"no pool can have the name {name!r}",
            hint="Give the name of a pool as 'invariantselect pools' shows it, once for each.",
        ) from None


def _end(now: datetime, lifetime: timedelta | None) -> datetime | None:
    if lifetime is None:
        return None
    try:
        end = now + lifetime
    except OverflowError:
        end = now
    if end <= now:
        raise InvalidRequestError("a key can't live so short or so long", hint="Give a time such as 90d.")
    return end


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
