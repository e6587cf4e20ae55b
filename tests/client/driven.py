"""Both clients driven the same way, so that one test holds for both; and a clock that only moves when slept on."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import Callable
from typing import Any, Literal

import httpx2

from invariantselect import AsyncClient, Client

Kind = Literal["sync", "async"]

_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loading the system's certificates takes longer than all the rest of a test, and the server speaks plain HTTP."""


class FakeClock:
    """Time passes only in `sleep`, which is recorded; chance is always 1/2."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def chance(self) -> float:
        return 0.5

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


class Driven:
    """`Client` or `AsyncClient` behind blocking calls: ``driven.do("select", "pool", image, k=3)``."""

    def __init__(self, kind: Kind, base_url: str, clock: FakeClock | None = None, **options: Any) -> None:
        self.clock = clock or FakeClock()
        self._runner = asyncio.Runner()
        self.http: httpx2.Client | httpx2.AsyncClient
        self.client: Client | AsyncClient
        if kind == "sync":
            self.http = httpx2.Client(verify=_NO_CERTIFICATES)
            self.client = Client(base_url, http_client=self.http, **options)
            self.client._transport.sleep = self.clock.sleep
        else:
            self.http = httpx2.AsyncClient(verify=_NO_CERTIFICATES)
            self.client = AsyncClient(base_url, http_client=self.http, **options)
            self.client._transport.sleep = self.clock.sleep_async
        self.client._transport.now = self.clock.now
        self.client._transport.chance = self.clock.chance

    def do(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method and wait; what it yields, as a list."""
        return self.wait_for(getattr(self.client, method), *args, **kwargs)

    def wait_for(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if inspect.isasyncgen(result):
            return self._runner.run(_collected(result))
        if inspect.isawaitable(result):
            return self._runner.run(_awaited(result))
        return list(result) if inspect.isgenerator(result) else result

    def close(self) -> None:
        self.wait_for(self.http.close if isinstance(self.http, httpx2.Client) else self.http.aclose)
        self._runner.close()


async def _awaited(result: Any) -> Any:
    return await result


async def _collected(result: Any) -> list[Any]:
    return [item async for item in result]
