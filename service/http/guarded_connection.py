"""What a stranger may do to a connection: how slowly, how much before a key was looked at, and how many may come.

uvicorn's httptools protocol limits the time between requests, and neither the head of one, nor requests that are sent
before the one before is answered, nor the time that a body takes that nobody reads, or an answer that nobody takes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from invariantselect.errors import HeadTooLargeError
from service.http.problems import MEDIA_TYPE, problem_of
from service.http.request_context import CROWDED

__all__ = ["GuardedConnection", "guarded"]

_log = structlog.get_logger("service.http.guarded_connection")

_HEAD_SECONDS = 30.0
_UNREAD_SECONDS = 120.0
_HEAD_BYTES = 64 * 1024
_MOST_WAITING, _MOST_WAITING_BYTES = 32, 1024 * 1024


class _TooMuchWaitsError(Exception):
    """Raised while parsing; httptools makes a parser's error of it, and uvicorn ends the connection."""


class GuardedConnection(HttpToolsProtocol):
    """A connection that is closed when who is at its other end keeps the server waiting, or sends too much at once.

    Attributes:
        most_connections: Beyond these a connection gets one answer, a probe's or 503; beyond twice as many, none.
        head_seconds: From the first byte of a request until its head has come.
        unread_seconds: For the rest of a body after its answer, and for an answer that isn't taken.
    """

    most_connections: int
    head_seconds: float = _HEAD_SECONDS
    unread_seconds: float = _UNREAD_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._loose = 0  # bytes that belong to no head that ended and to no body
        self._in_head = True
        self._crowded = False
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a first request: as long as between two, for balancers open connections ahead."""
        super().connection_made(transport)
        self._crowded = len(self.connections) > self.most_connections
        if len(self.connections) > 2 * self.most_connections:
            transport.abort()
            return
        self._time("head", max(self.head_seconds, self.timeout_keep_alive), self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        for name in list(self._timers):
            self._stop(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and close the connection of a head, or trailers, without an end."""
        if self._in_head and self._loose == 0:
            self._time("head", self.head_seconds, self._head_too_slow)
        self._loose += len(data)
        super().data_received(data)
        if self._loose > _HEAD_BYTES and not self.transport.is_closing():
            _log.warning("head_too_large", bytes=self._loose)
            if self._is_idle():
                self.transport.write(_head_too_large())
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Begin the request; of one connection too many it is told so, and `RequestContext` refuses it."""
        self._loose, self._in_head = 0, False
        self._stop("head")
        self.scope[CROWDED] = self._crowded  # type: ignore[literal-required]
        if len(self.pipeline) == _MOST_WAITING:
            raise _TooMuchWaitsError
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take some of a body."""
        self._loose = 0
        super().on_body(body)
        if self.pipeline and sum(len(cycle.body) for cycle, _ in self.pipeline) > _MOST_WAITING_BYTES:
            raise _TooMuchWaitsError

    def on_message_complete(self) -> None:
        """The next byte belongs to another request."""
        self._loose, self._in_head = 0, True
        super().on_message_complete()
        if "body" in self._timers:
            self._stop("body")
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """An answer was given, maybe before all of its request had come."""
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()
        elif not self._in_head and not self.transport.is_closing():
            self._time("body", self.unread_seconds, self._abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, unless another is being answered."""
        if self._is_idle():
            super().send_400_response(msg)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        """The other end takes nothing at the moment."""
        super().pause_writing()
        self._time("answer", self.unread_seconds, self._abort)

    def resume_writing(self) -> None:
        """It does again."""
        self._stop("answer")
        super().resume_writing()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _time(self, name: str, seconds: float, over: Callable[[], None]) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, over)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _head_too_slow(self) -> None:
        if not self._is_idle():
            self._time("head", self.head_seconds, self._head_too_slow)  # it came behind a request that is answered yet
        elif not self.transport.is_closing():
            _log.info("head_too_slow", seconds=self.head_seconds)
            self.transport.close()

    def _abort(self) -> None:
        _log.info("connection_stalled", seconds=self.unread_seconds)
        self.transport.abort()


def guarded(most_connections: int) -> type[GuardedConnection]:
    """A protocol for uvicorn, which makes one by its class."""
    return type("GuardedConnection", (GuardedConnection,), {"most_connections": most_connections})


def _head_too_large() -> bytes:
    error = HeadTooLargeError(f"a request line and its headers may have {_HEAD_BYTES} bytes")
    content = json.dumps(problem_of(error)).encode("ascii")
    head = (
        f"HTTP/1.1 {error.status} Request Header Fields Too Large",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(content)}",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(head).encode("ascii") + content
