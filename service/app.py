"""The application: routes, layers around them, and what is opened when it starts and closed when it ends."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import structlog
from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match, Route

from service.access.audit_trail import AuditTrail
from service.embedding.encoder_shelf import EncoderLoader
from service.embedding.native_threads import one_blas_thread
from service.http.body_limit import BodyLimit
from service.http.docs_page import add_docs_page
from service.http.held_bodies import HeldBodies
from service.http.known_parameters import refuse_unknown_parameters
from service.http.openapi import document
from service.http.problems import exception_handlers
from service.http.request_context import RequestContext
from service.jobs.streaming import Followers
from service.logs import configure_logs
from service.metrics import Metrics
from service.replicas.catalog_watch import CatalogWatch
from service.replicas.following import Following
from service.routers import ROUTERS
from service.scraping import Scraper
from service.services import open_services
from service.settings import Settings
from service.tracing.requests import TracedRequests

__all__ = ["create_app"]

_DESCRIPTION = """\
Chooses the demonstrations that a large multimodal model is shown in its prompt.

Errors are problem documents (RFC 9457) with a `code` that stays and a `hint` that says what to do. Each answer carries
an `X-Request-ID`; send your own to find it in the server's log. Requests are limited in size and number: `413` names
the limit, `429` comes with `Retry-After`. Requests that change something are kept in a log, `GET /v1/audit`.
"""
_TAGS = [
    {"name": "select", "description": "Demonstrations for a query."},
    {"name": "pools", "description": "Labelled images from several domains."},
    {"name": "demonstrations", "description": "What is in a pool."},
    {"name": "embeddings", "description": "Vectors of images."},
    {"name": "adaptation", "description": "Encoders that were adapted to a pool."},
    {"name": "evaluation", "description": "Does the selection help, on the pool itself? Figures and reports."},
    {"name": "jobs", "description": "Work that takes longer than a request, done by workers."},
    {"name": "encoders", "description": "What makes the vectors."},
    {"name": "operation", "description": "For those who run the server."},
]


def create_app(settings: Settings, *, load_encoder: EncoderLoader | None = None) -> FastAPI:
    """The ASGI application. Nothing is opened before it starts.

    Args:
        settings: Of this app; nothing else is read from the environment.
        load_encoder: Loads an encoder by name, in place of the catalog of encoders.
    """
    if not structlog.is_configured():
        configure_logs(settings)  # structlog's own defaults print local variables, which may be keys and images
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with one_blas_thread():
            services = open_services(settings, metrics, load_encoder)
            app.state.services = services
            services.warm_up.begin(services.engine)
            beside: list[CatalogWatch | Following] = [CatalogWatch(services), Following(services)]
            for each in beside:
                each.begin()
            try:
                yield
            finally:
                for each in beside:
                    await run_in_threadpool(each.end)
                await services.warm_up.end()
                await run_in_threadpool(services.close)

    app = FastAPI(
        title="invariantselect",
        summary="Demonstration selection for in-context learning under distribution shift",
        description=_DESCRIPTION,
        version=_version(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=_TAGS,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(refuse_unknown_parameters)],
        exception_handlers=exception_handlers(_allowed_methods),
    )
    app.state.settings = settings
    app.state.scraper = Scraper()
    app.state.scraper.begin(metrics)
    app.state.closing = threading.Event()  # set when the server is told to stop: streams without an end must end
    app.state.followers = Followers(refused=metrics.refused.inc)
    add_docs_page(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(AuditTrail)
    app.add_middleware(HeldBodies, room=settings.max_held_bytes, refused=metrics.refused.inc)
    app.add_middleware(BodyLimit, limit=settings.max_request_bytes)
    app.add_middleware(RequestContext, metrics=metrics, closing=app.state.closing)
    if settings.otlp_endpoint is not None:
        app.add_middleware(TracedRequests)
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(document(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _allowed_methods(path: str) -> list[str]:
    """Every method that some route takes at a path. (Starlette names those of the first route only.)"""
    scope = {"type": "http", "method": "", "path": path, "root_path": "", "headers": []}
    methods: set[str] = set()
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                methods |= route.methods or set()
    return sorted(methods)


def _version() -> str:
    try:
        return version("invariantselect-server")
    except PackageNotFoundError:
        return "0+uninstalled"
