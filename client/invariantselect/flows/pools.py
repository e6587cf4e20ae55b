"""Pools: list, make, look at, drop."""

from __future__ import annotations

from typing import Any

from invariantselect.calls import Call, Flow, one
from invariantselect.checking import body, checked, nothing, reader
from invariantselect.flows.paths import pool_path
from invariantselect.wire.pools import PoolCreate, PoolInfo, PoolList

__all__ = ["create_pool", "drop_pool", "pool", "pools"]


def pools() -> Flow[list[PoolInfo]]:
    """All pools, by name."""
    answer = yield from one(Call("GET", "/v1/pools", reader(PoolList), repeatable=True))
    return answer.pools


def pool(name: str) -> Flow[PoolInfo]:
    """One pool."""
    return (yield from one(Call("GET", pool_path(name), reader(PoolInfo), repeatable=True)))


def create_pool(name: str, encoder: str | None) -> Flow[PoolInfo]:
    """Make a pool. Not repeatable: a repeat would answer that the pool exists, whoever made it."""
    fields: dict[str, Any] = {"name": name} if encoder is None else {"name": name, "encoder": encoder}
    request = checked(PoolCreate, **fields)
    return (yield from one(Call("POST", "/v1/pools", reader(PoolInfo), repeatable=False, body=body(request))))


def drop_pool(name: str) -> Flow[None]:
    """Drop a pool. Not repeatable: a pool made anew under this name in between would be lost."""
    return (yield from one(Call("DELETE", pool_path(name), nothing, repeatable=False)))
