"""Numbers for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from service.access.scoped import SCRAPE
from service.http.openapi import problems
from service.routers.parameters import WithServices

router = APIRouter(tags=["operation"], dependencies=[Depends(SCRAPE)])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    responses=problems(counted=False),
    operation_id="metrics",
)
def metrics(services: WithServices, request: Request) -> Response:
    """Requests, stages, the queue, caches, selections, snapshots, jobs and the process, in Prometheus's text format."""
    state = request.app.state
    text = state.scraper.scrape(services, closing=state.closing.is_set())
    return Response(text, media_type=services.metrics.content_type)
