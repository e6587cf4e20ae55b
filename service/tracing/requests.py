"""A span for each request, below the span of a caller who named one."""

from __future__ import annotations

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.request_context import QUIET
from service.http.request_ids import request_id
from service.metrics import METHODS
from service.tracing.traces import Traces

__all__ = ["TracedRequests"]


class TracedRequests:
    """ASGI middleware around all others; added only where spans are sent somewhere.

    Args:
        app: Everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell of it when it has been answered."""
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        traces: Traces = scope["app"].state.services.traces
        headers = Headers(scope=scope)
        caller = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "other"
        with (
            traces.root(method, "server", caller, {"http.request.method": method}) as root,
            structlog.contextvars.bound_contextvars(trace_id=root.trace_id),
        ):
            try:
                await self._app(scope, receive, answer)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")  # a template: no name of a pool or an image
                root.name(f"{method} {route}")
                root.add({"http.route": route, "http.response.status_code": status})
                root.add({"invariantselect.request_id": request_id(scope) or ""})
                if status == 0 or status >= 500:
                    root.failed()
