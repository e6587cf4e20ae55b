"""The paths of the API, every name in them quoted so that it reaches the server as it is."""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel

from invariantselect.checking import checked
from invariantselect.wire.base import Identifier, PoolName

__all__ = ["demonstration_path", "image_path", "pool_path"]


class _InPath(BaseModel):
    pool: PoolName
    id: Identifier | None = None


def pool_path(pool: str) -> str:
    """``/v1/pools/{pool}``.

    Raises:
        InvalidRequestError: No pool can have this name.
    """
    return f"/v1/pools/{_quoted(checked(_InPath, pool=pool).pool)}"


def demonstration_path(pool: str, id: str) -> str:
    """``/v1/pools/{pool}/demonstrations/{id}``."""
    return _under(pool, "demonstrations", id)


def image_path(pool: str, id: str) -> str:
    """``/v1/pools/{pool}/images/{id}``."""
    return _under(pool, "images", id)


def _under(pool: str, collection: str, id: str) -> str:
    checked(_InPath, pool=pool, id=id)
    return f"{pool_path(pool)}/{collection}/{_quoted(id)}"


def _quoted(name: str) -> str:
    # "." and ".." are resolved away by URL libraries and proxies unless they are escaped.
    escaped = {".": "%2E", "..": "%2E%2E"}
    return "/".join(escaped.get(segment, quote(segment, safe="")) for segment in name.split("/"))
