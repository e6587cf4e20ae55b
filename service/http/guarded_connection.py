"""What a stranger may do to a connection before a request is understood: how slowly and how much, and how many come.

uvicorn's httptools protocol limits neither the head of a request nor the time it takes (only that between requests).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from invariantselect.errors import HeadTooLargeError
from service.http.problems import MEDIA_TYPE, problem_of
from service.http.request_context import CROWDED

__all__ = ["GuardedConnection", "guarded"]

_log = structlog.get_logger("service.http.guarded_connection")

_HEAD_SECONDS = 30.0
_HEAD_BYTES = 64 * 1024


class GuardedConnection(HttpToolsProtocol):
    """A connection that is closed when the head of a request doesn't end in time or in size.

    Attributes:
        most_connections: With more, every request but those of probes is answered 503 and its connection closed.
        head_seconds: From the opening of a connection, or the first byte of a later request, until its head has come.
    """

    most_connections: int
    head_seconds: float = _HEAD_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._loose = 0  # bytes that belong to no head that ended and to no body
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._time_the_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_timing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and close the connection of a head, or trailers, without an end."""
        self._loose += len(data)
        if self._in_head and self._head_timer is None:
            self._time_the_head()
        super().data_received(data)
        if self._loose > _HEAD_BYTES and not self.transport.is_closing():
            _log.warning("head_too_large", bytes=self._loose)
            self._stop_timing()
            self.transport.write(_head_too_large())
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Begin the request; of one connection too many it is told so, and `RequestContext` refuses it."""
        self._loose, self._in_head = 0, False
        self._stop_timing()
        self.scope[CROWDED] = len(self.connections) > self.most_connections  # type: ignore[literal-required]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take some of a body."""
        self._loose = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next byte belongs to another request."""
        self._loose, self._in_head = 0, True
        super().on_message_complete()

    def _time_the_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def _stop_timing(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._time_the_head()  # it came behind a request that is still being answered
        elif not self.transport.is_closing():
            _log.info("head_too_slow", seconds=self.head_seconds)
            self.transport.close()


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
