"""What the routes take from the path, and the services they work with."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Header, Path, Request

from invariantselect.wire.base import Identifier, PoolName
from invariantselect.wire.jobs import IdempotencyKey
from service.services import Services, services_of

__all__ = ["DemonstrationId", "IdempotencyHeader", "Pool", "WithServices"]

Pool: TypeAlias = Annotated[PoolName, Path(description="Name of the pool.", examples=["skin"])]
DemonstrationId: TypeAlias = Annotated[
    Identifier,
    Path(description="Id of the demonstration, percent-encoded; slashes may stay.", examples=["photo/dog/1.jpg"]),
]
IdempotencyHeader: TypeAlias = Annotated[
    IdempotencyKey | None,
    Header(description="Yours, new with each new request: the same key again answers what it made before."),
]


async def _services(request: Request) -> Services:  # async, as FastAPI sends plain functions to another thread
    return services_of(request)


WithServices: TypeAlias = Annotated[Services, Depends(_services)]
