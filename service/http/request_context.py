"""The outermost layer: gives each request an id, logs and counts it, and lets no exception pass without an answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from invariantselect.errors import InternalError, InvariantSelectError, NotReadyError
from service.http.body_limit import drain, waits_for_leave
from service.http.problems import problem_response
from service.http.request_ids import assign_request_id
from service.metrics import Metrics
from service.storage_failures import storage_failure

__all__ = ["CROWDED", "QUIET", "RequestContext"]

_log = structlog.get_logger("service.request")
QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that are asked every few seconds: not logged on info, and not traced."""
CROWDED = "invariantselect.crowded"
"""In the scope of a request: whether its connection came when there were as many as there may be."""

_CLIENT_LEFT = 499
_MOST_DRAINED = 64 * 1024 * 1024


class RequestContext:
    """ASGI middleware around all others.

    Args:
        app: Everything else.
        metrics: Where requests are counted.
        closing: Set when the server is told to stop: answers then close their connections.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, closing: threading.Event) -> None:
        self._app = app
        self._metrics = metrics
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and see to it that it is answered and logged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = assign_request_id(scope)
        crowded = bool(scope.get(CROWDED))
        refused = crowded and scope["path"] not in QUIET
        answered = _Answered(send, identifier, closes=lambda: crowded or self._closing.is_set())
        began = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=identifier),
            self._metrics.in_progress.track_inprogress(),
        ):
            try:
                await (_refuse if refused else self._app)(scope, receive, answered)
            except ClientDisconnect:
                answered.status = answered.status or _CLIENT_LEFT
            except asyncio.CancelledError:  # the server ends, and this took longer than it may
                if answered.status or not self._closing.is_set():
                    raise
                stopping = NotReadyError("the server stopped before this was done", retry_after=1)
                await self._answer(stopping, scope, receive, answered)
            except InvariantSelectError as error:
                await self._answer(error, scope, receive, answered)
            except Exception as error:
                known = storage_failure(error)
                if known is None or answered.status:
                    _log.exception("request_failed", method=scope["method"], path=scope["path"])
                if answered.status:
                    raise
                told = known or InternalError(f"the server failed with {type(error).__name__}")
                await self._answer(told, scope, receive, answered)
            finally:
                self._tell(scope, answered.status, time.perf_counter() - began)

    async def _answer(self, error: InvariantSelectError, scope: Scope, receive: Receive, answered: _Answered) -> None:
        await problem_response(error, scope)(scope, receive, answered)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.request_done(scope["method"], route, status, seconds)
        log = _log.debug if scope["path"] in QUIET else _log.info
        log(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(1000 * seconds, 2),
            key=scope.get("invariantselect.key_id"),
        )


async def _refuse(scope: Scope, receive: Receive, _send: Send) -> None:
    if not waits_for_leave(scope):
        await drain(receive, _MOST_DRAINED)
    raise NotReadyError(
        "the server has as many connections as it may",
        hint="Send it again after the seconds in Retry-After. The server's operator sets the limit with "
        "INVARIANTSELECT_MAX_CONNECTIONS.",
        retry_after=1,
    )


class _Answered:
    """`send` that adds the request's id and remembers the status; 0 until the response has begun."""

    def __init__(self, send: Send, identifier: str, closes: Callable[[], bool]) -> None:
        self._send = send
        self._identifier = identifier
        self._closes = closes
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [
                *message.get("headers", []),
                (b"x-request-id", self._identifier.encode("ascii")),
                (b"x-content-type-options", b"nosniff"),
            ]
            if self._closes():
                headers.append((b"connection", b"close"))  # the next request goes to somebody who stays
            message = {**message, "headers": headers}
        await self._send(message)
