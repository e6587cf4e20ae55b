"""What the routes take from the path, and the services they work with."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Path, Request

from invariantselect.wire.base import Identifier, PoolName
from service.services import Services, services_of

__all__ = ["DemonstrationId", "Pool", "WithServices"]

Pool: TypeAlias = Annotated[PoolName, Path(description="Name of the pool.", examples=["skin"])]
DemonstrationId: TypeAlias = Annotated[
    Identifier,
    Path(description="Id of the demonstration, percent-encoded; slashes may stay.", examples=["photo/dog/1.jpg"]),
]


async def _services(request: Request) -> Services:  # async, as FastAPI sends plain functions to another thread
    return services_of(request)


WithServices: TypeAlias = Annotated[Services, Depends(_services)]
