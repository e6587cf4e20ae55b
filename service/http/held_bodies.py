"""The bodies of all requests that are inside at once: how many bytes of them are held, and how slowly one may come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from invariantselect.errors import OverloadedError, RequestTooSlowError

__all__ = ["HeldBodies"]

_RETRY_AFTER = 1
_PATIENCE_SECONDS = 30.0
_LEAST_BYTES_A_SECOND = 1024
_SMALL = 64 * 1024


class HeldBodies:
    """ASGI middleware that answers 429 to a body for which there is no room beside those that are held, and 408 to one
    that comes too slowly.

    Room is taken when a body is first asked for, which is after the key was checked: as much as the request declares;
    without a length, as it comes. It is given back when the request is answered, as images are kept until then. Small
    bodies need none: connections bound them, and whoever asks for a little isn't refused because others send much.

    Args:
        app: What it protects; of every body it reads, the length declared has been checked (`BodyLimit`).
        room: Bytes of all bodies together. One alone is always let in.
        refused: Called for each that isn't.
        small: Bytes of a body that needs no room.
        patience: Seconds to wait for a body altogether, beside a second for each KiB of it that came.
    """

    def __init__(
        self,
        app: ASGIApp,
        room: int,
        *,
        refused: Callable[[], object] = lambda: None,
        small: int = _SMALL,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._app = app
        self._room = room
        self._refused = refused
        self.small = small
        self._patience = patience
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted as it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self, receive, int(Headers(scope=scope).get("content-length", "0")))
        try:
            await self._app(scope, body, send)
        finally:
            self._held -= body.taken

    def take(self, more: int, taken: int) -> None:
        """Make room for more of a body that has taken some; only the event loop's thread touches it.

        Raises:
            OverloadedError: There is none.
        """
        others = self._held - taken
        if others and self._held + more > self._room:
            self._refused()
            raise OverloadedError(
                f"other requests hold {others} bytes of bodies, and {taken + more} don't fit beside them",
                hint="Wait for the seconds in Retry-After, then send the request again. The server's operator sets the "
                "limit with INVARIANTSELECT_MAX_HELD_BYTES.",
                retry_after=_RETRY_AFTER,
            )
        self._held += more

    async def within_patience(self, receive: Receive, waited: float, seen: int) -> Message:
        """The next message.

        Raises:
            RequestTooSlowError: It didn't come in time.
        """
        left = self._patience + seen / _LEAST_BYTES_A_SECOND - waited
        try:
            async with asyncio.timeout(left):
                return await receive()
        except TimeoutError:
            raise RequestTooSlowError(f"{seen} bytes of the body came in {waited + left:.0f} s") from None


class _Body:
    """`receive`, counted until the body has ended."""

    def __init__(self, all_of_them: HeldBodies, receive: Receive, declared: int) -> None:
        self.taken = 0
        self._all = all_of_them
        self._receive = receive
        self._declared = declared
        self._seen = 0
        self._waited = 0.0
        self._ended = False

    async def __call__(self) -> Message:
        if self._ended:  # what is waited for now is that the client leaves
            return await self._receive()
        self._take(self._declared)
        loop = asyncio.get_running_loop()
        began = loop.time()
        message = await self._all.within_patience(self._receive, self._waited, self._seen)
        self._waited += loop.time() - began
        self._seen += len(message.get("body", b""))
        self._take(self._seen)
        self._ended = not message.get("more_body", False)
        return message

    def _take(self, altogether: int) -> None:
        if altogether > max(self.taken, self._all.small):
            self._all.take(altogether - self.taken, self.taken)
            self.taken = altogether
