"""Who sent a request, and which pools are there for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias, cast

from fastapi import Depends, Request

__all__ = ["LOCAL", "Caller", "WithCaller", "remember_caller"]

_IN_SCOPE = "invariantselect.caller"


@dataclass(frozen=True)
class Caller:
    """The sender of a request that was let in.

    Attributes:
        actor: Id of the key, or ``local`` where none are asked for.
        pools: Names of the pools that the key is limited to; None for all.
    """

    actor: str
    pools: frozenset[str] | None = None

    def sees(self, pool: str | None) -> bool:
        """Whether a pool, or what belongs to it, is there for this caller; None for what belongs to no pool."""
        return self.pools is None or pool in self.pools


LOCAL = Caller("local")


def remember_caller(request: Request, caller: Caller) -> None:
    """Note who sent a request, for what comes after the door."""
    request.scope[_IN_SCOPE] = caller


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.scope[_IN_SCOPE])


WithCaller: TypeAlias = Annotated[Caller, Depends(_caller)]
"""Of a route that asks for a scope: then the caller is known by the time that this is."""
