"""Runs flows on an asyncio event loop: the asynchronous one of the two transports."""

from __future__ import annotations

import asyncio
import copy
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Self, TypeVar

import httpx2

from invariantselect.calls import Call, Finished, Flow, Pause, Step, Work, step
from invariantselect.connection import Connection
from invariantselect.errors import InvariantSelectError
from invariantselect.event_stream import PAUSE_S, EventStream
from invariantselect.retries import Moment, judge
from invariantselect.transport import AT_THE_SAME_TIME
from invariantselect.wire.jobs import JobEvent

__all__ = ["AsyncTransport"]

T = TypeVar("T")

_log = logging.getLogger("invariantselect")


class AsyncTransport:
    """Sends calls through an `httpx2.AsyncClient`; any number of tasks may share it.

    Args:
        connection: Server, key and patience.
        http: Used, never closed here.
    """

    sleep: Callable[[float], Awaitable[None]] = staticmethod(asyncio.sleep)
    now: Callable[[], float] = staticmethod(time.time)
    chance: Callable[[], float] = staticmethod(random.random)

    def __init__(self, connection: Connection, http: httpx2.AsyncClient) -> None:
        self.connection = connection
        self.http = http

    def over(self, connection: Connection) -> Self:
        """The same HTTP client with another patience."""
        other = copy.copy(self)
        other.connection = connection
        return other

    async def run(self, flow: Flow[T]) -> T:
        """Give a flow what it asks for until it ends; its result. Work is done in a thread."""
        state = step(flow, None)
        while not isinstance(state, Finished):
            state = step(flow, await self._answer_to(state))
        return state.value

    async def _answer_to(self, asked: Step) -> Any:
        try:
            if isinstance(asked, Pause):
                return await self._now_after(asked)
            return await (asyncio.to_thread(asked.function) if isinstance(asked, Work) else self._send_all(asked))
        except InvariantSelectError as error:
            return error

    async def _send_all(self, calls: Sequence[Call[Any]]) -> list[Any]:
        if len(calls) <= 1:
            return [await self._send(call) for call in calls]
        gate = asyncio.Semaphore(AT_THE_SAME_TIME)

        async def send(call: Call[Any]) -> Any:
            async with gate:
                return await self._send(call)

        tasks = [asyncio.create_task(send(call)) for call in calls]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            outcome: httpx2.Response | httpx2.RequestError
            try:
                outcome = await self.http.send(self.http.build_request(**self.connection.request(call)))
            except httpx2.RequestError as failure:
                outcome = failure
            judged = judge(call, outcome, self.connection, Moment(attempt, self.now(), self.chance()))
            if isinstance(judged, httpx2.Response):
                return call.parse(judged)
            await self.sleep(judged)
            attempt += 1

    async def _now_after(self, asked: Pause) -> float:
        if asked.seconds > 0:
            await self.sleep(asked.seconds)
        return self.now()

    async def follow(self, events: EventStream) -> AsyncIterator[JobEvent]:
        """As `invariantselect.transport.Transport.follow`."""
        while not events.is_over():
            response = await self._open(events)
            try:
                async for line in response.aiter_lines():
                    event = events.feed(line)
                    if event is not None:
                        yield event
            except httpx2.TransportError as lost:
                events.broke_off()
                _log.info("the stream of events broke off (%s); it goes on in %.1f s", lost, PAUSE_S)
            finally:
                await response.aclose()
            if not events.is_over():
                await self.sleep(PAUSE_S)

    async def _open(self, events: EventStream) -> httpx2.Response:
        call, attempt = events.call(), 0
        while True:
            outcome: httpx2.Response | httpx2.RequestError
            try:
                outcome = await self.http.send(self.http.build_request(**self.connection.request(call)), stream=True)
                if events.begins(outcome):
                    return outcome
                async with aclosing(outcome):
                    await outcome.aread()
            except httpx2.RequestError as failure:
                outcome = failure
            judged = events.judge(call, outcome, self.connection, Moment(attempt, self.now(), self.chance()))
            if isinstance(judged, httpx2.Response):
                call.parse(judged)  # raises: it is no stream
            else:
                await self.sleep(judged)
            attempt += 1
