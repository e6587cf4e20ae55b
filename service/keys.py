"""API keys: made, listed, revoked, and checked on each request.

A key is ``isk_<id>_<secret>``: the id finds its row, the secret proves it. Only a hash of the secret is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

from sqlalchemy import RowMapping, insert, select, update

from index.catalog.engine import Catalog
from invariantselect.errors import InvalidRequestError, UnauthenticatedError
from service.tables import api_keys

__all__ = ["SCOPES", "ApiKey", "NewKey", "Scope", "create_key", "list_keys", "revoke_key", "verify_key"]

Scope: TypeAlias = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From least to most; each includes the ones before it."""

_SHAPE = re.compile(r"isk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODY = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """A key as stored.

    Attributes:
        id: Its public part, safe to log.
        scope: What it may do.
        name: What its maker called it.
        created_at: When it was made, UTC.
        revoked_at: When it was revoked, UTC; None for one that works.
    """

    id: str
    scope: Scope
    name: str
    created_at: datetime
    revoked_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this key's scope includes another."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time that its secret can be seen."""

    key: ApiKey
    secret: str


def create_key(store: Catalog, scope: Scope, name: str = "") -> NewKey:
    """Make a key.

    Args:
        store: As `service.store.open_store` opens it.
        scope: What it may do.
        name: To recognise it by, up to 256 characters.

    Returns:
        The key; its `secret` is what a client sends and is stored nowhere.

    Raises:
        InvalidRequestError: No such scope, or too long a name.
    """
    if scope not in SCOPES:
        raise InvalidRequestError(f"there is no scope {scope!r}", hint=f"Scopes are {', '.join(SCOPES)}.")
    if len(name) > 256 or not name.isprintable():
        raise InvalidRequestError("the name of a key is at most 256 printable characters", hint="Shorten the name.")
    key = ApiKey(secrets.token_hex(8), scope, name, datetime.now(UTC))
    secret = secrets.token_urlsafe(32)
    with store.writing() as connection:
        connection.execute(
            insert(api_keys).values(
                id=key.id,
                secret_sha256=_hashed(secret),
                scope=scope,
                name=name,
                created_at=key.created_at.replace(tzinfo=None),
            )
        )
    return NewKey(key, f"isk_{key.id}_{secret}")


def list_keys(store: Catalog) -> list[ApiKey]:
    """All keys, oldest first, revoked ones included."""
    with store.reading() as connection:
        rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)).all()
    return [_key_of(row._mapping) for row in rows]


def revoke_key(store: Catalog, id: str) -> bool:
    """Make a key useless from the next request on.

    Args:
        store: Where the keys are.
        id: The key's id, the part between the underscores.

    Returns:
        Whether there was such a key that still worked.
    """
    with store.writing() as connection:
        done = connection.execute(
            update(api_keys)
            .where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC).replace(tzinfo=None))
        )
    return done.rowcount == 1


def verify_key(store: Catalog, presented: str) -> ApiKey:
    """The key that a client presented.

    An unknown id costs the same look-up, hash and comparison as a known one.

    Raises:
        UnauthenticatedError: Unknown, wrong or revoked; which of them is not told.
    """
    match = _SHAPE.fullmatch(presented)
    id, secret = match.groups() if match else ("", presented)
    with store.reading() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.id == id)).one_or_none()
    stored = _NOBODY if row is None else row.secret_sha256
    proven = hmac.compare_digest(_hashed(secret), stored)
    if row is None or not proven or row.revoked_at is not None:
        raise UnauthenticatedError("the API key is unknown or was revoked")
    return _key_of(row._mapping)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key_of(values: RowMapping) -> ApiKey:
    revoked = values["revoked_at"]
    return ApiKey(
        id=values["id"],
        scope=values["scope"],
        name=values["name"],
        created_at=values["created_at"].replace(tzinfo=UTC),
        revoked_at=None if revoked is None else revoked.replace(tzinfo=UTC),
    )
