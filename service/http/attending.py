"""A request is attended to until it is answered, its time is over, or nobody waits for the answer any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from invariantselect.errors import TimedOutError
from service.embedding.given_up import wanted
from service.services import services_of

__all__ = ["attended"]


@asynccontextmanager
async def attended(request: Request) -> AsyncIterator[None]:
    """Admitted to the engine; what runs within is cancelled when its time is over or its client hangs up, and what has
    begun on a thread ends the next time it asks (`service.embedding.given_up`).

    Args:
        request: Its body was read.

    Raises:
        OverloadedError: Too many requests are inside.
        TimedOutError: It took longer than the settings allow.
        ClientDisconnect: The client is gone.
    """
    services = services_of(request)
    seconds = services.settings.query_seconds
    gone = False

    async def watch(limit: asyncio.Timeout) -> None:
        nonlocal gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone = True
        limit.reschedule(asyncio.get_running_loop().time())

    async with services.engine.admission():
        try:
            async with asyncio.timeout(seconds) as limit:
                watching = asyncio.create_task(watch(limit))
                try:
                    with wanted():
                        yield
                finally:
                    watching.cancel()
        except TimeoutError:
            if gone:
                raise ClientDisconnect from None
            if not limit.expired():
                raise
            raise TimedOutError(
                f"the answer wasn't ready within {seconds:g} s",
                hint="Send fewer images at once, or again when the server has less to do; its operator sets the limit "
                "with INVARIANTSELECT_QUERY_SECONDS.",
            ) from None
