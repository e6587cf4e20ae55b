"""A request body is counted while it streams in, so that one without a length can't grow past the limit either."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from invariantselect.errors import PayloadTooLargeError, RequestMalformedError
from service.http.problems import problem_response

__all__ = ["BodyLimit", "drain", "waits_for_leave"]

_DRAIN_SECONDS = 2.0


class BodyLimit:
    """ASGI middleware that answers 413 to a body above the limit, without keeping more than the limit in memory.

    Args:
        app: What it protects.
        limit: Largest body, in bytes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is too large, pass on every other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if not (declared.isascii() and declared.isdigit() and len(declared) < 20):
            await problem_response(RequestMalformedError("Content-Length is not a number"), scope)(scope, receive, send)
            return
        if int(declared) > self._limit:
            await self._refuse(scope, receive, send, int(declared))
            return
        await self._app(scope, _Counted(receive, self._limit), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, declared: int) -> None:
        if not waits_for_leave(scope):
            await drain(receive, self._limit)
        error = PayloadTooLargeError(f"the body has {declared} bytes; at most {self._limit} are allowed")
        await problem_response(error, scope)(scope, receive, send)


class _Counted:
    """`receive`, until the body is larger than the limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._limit:
                if message.get("more_body", False):
                    await drain(self._receive, self._limit)
                raise PayloadTooLargeError(f"the body has more than {self._limit} bytes, the most that is allowed")
        return message


async def drain(receive: Receive, at_most: int) -> None:
    """Read on for a moment and throw it away: a client that is still sending would not see the answer."""
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while dropped <= at_most:
                message = await receive()
                dropped += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


def waits_for_leave(scope: Scope) -> bool:
    """Whether the client sends its body only once it is told to go on."""
    return Headers(scope=scope).get("expect", "").lower() == "100-continue"
