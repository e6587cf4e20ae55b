"""Whether the server lives, and whether it can answer. Open to everyone: who asks is a load balancer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from invariantselect.errors import NotReadyError
from service.openapi import only_problems
from service.routers.parameters import WithServices

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """A good answer."""

    status: Literal["ok"] = "ok"


@router.get("/livez", summary="Does the server live?", operation_id="live")
async def live() -> Health:
    """200 as soon as the server listens. Restart it if this doesn't answer."""
    return Health()


@router.get("/readyz", summary="Can it answer?", responses=only_problems(NotReadyError), operation_id="ready")
async def ready(services: WithServices, request: Request) -> Health:
    """200 once a picture has gone through the encoder; 503 until then, and 503 again as soon as the server is told to
    stop. Send requests only while it is 200."""
    if request.app.state.closing.is_set():
        raise NotReadyError("the server is stopping", hint="Send requests to another server, or come again.")
    services.warm_up.check()
    return Health()
