"""Numbers for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse

from service.access import SCRAPE
from service.openapi import problems
from service.routers.parameters import WithServices

router = APIRouter(tags=["operation"], dependencies=[Depends(SCRAPE)])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses=problems(counted=False),
    operation_id="metrics",
)
def metrics(services: WithServices) -> Response:
    """Requests, durations of the stages, the queue, the cache and the process, in Prometheus's text format."""
    return Response(services.metrics.exposition(), media_type=services.metrics.content_type)
