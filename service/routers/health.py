"""Whether the server lives, and whether it can answer. Open to everyone: who asks is a load balancer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from invariantselect.errors import NotReadyError
from service.http.openapi import only_problems
from service.readiness import readiness
from service.routers.parameters import WithServices

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """A good answer."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether queries are answered, and from what."""

    status: Literal["ok", "stale"] = Field(
        description="stale: the catalog doesn't answer; queries are answered from the last snapshots, writes get 503."
    )


@router.get("/livez", summary="Does the server live?", operation_id="live")
async def live() -> Health:
    """200 as soon as the server listens. Restart it if this doesn't answer."""
    return Health()


@router.get("/readyz", summary="Can it answer?", responses=only_problems(NotReadyError), operation_id="ready")
async def ready(services: WithServices, request: Request) -> Readiness:
    """200 once a picture has gone through the encoder; 503 until then, and 503 again as soon as the server is told to
    stop. Send requests only while it is 200.

    A server that has lost its catalog stays ready as long as it has snapshots to answer from: the others have lost it
    too, and without them nobody would be answered.
    """
    return Readiness(status=readiness(services, closing=request.app.state.closing.is_set()))
