"""Runs flows by blocking: the synchronous one of the two transports."""

from __future__ import annotations

import copy
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Self, TypeVar

import httpx2

from invariantselect.calls import Call, Finished, Flow, Pause, Step, Work, step
from invariantselect.connection import Connection
from invariantselect.errors import InvariantSelectError
from invariantselect.event_stream import PAUSE_S, EventStream
from invariantselect.retries import Moment, judge
from invariantselect.wire.jobs import JobEvent

__all__ = ["AT_THE_SAME_TIME", "Transport"]

T = TypeVar("T")

_log = logging.getLogger("invariantselect")

AT_THE_SAME_TIME = 8
"""Calls in flight for one flow, such as the images of one selection."""


class Transport:
    """Sends calls through an `httpx2.Client`. Thread-safe, as that is.

    Args:
        connection: Server, key and patience.
        http: Used, never closed here.
    """

    sleep: Callable[[float], None] = staticmethod(time.sleep)
    now: Callable[[], float] = staticmethod(time.time)
    chance: Callable[[], float] = staticmethod(random.random)

    def __init__(self, connection: Connection, http: httpx2.Client) -> None:
        self.connection = connection
        self.http = http

    def over(self, connection: Connection) -> Self:
        """The same HTTP client with another patience."""
        other = copy.copy(self)
        other.connection = connection
        return other

    def run(self, flow: Flow[T]) -> T:
        """Give a flow what it asks for until it ends; its result."""
        state = step(flow, None)
        while not isinstance(state, Finished):
            state = step(flow, self._answer_to(state))
        return state.value

    def _answer_to(self, asked: Step) -> Any:
        try:
            if isinstance(asked, Pause):
                return self._now_after(asked)
            return asked.function() if isinstance(asked, Work) else self._send_all(asked)
        except InvariantSelectError as error:
            return error

    def _send_all(self, calls: Sequence[Call[Any]]) -> list[Any]:
        if len(calls) <= 1:
            return [self._send(call) for call in calls]
        with ThreadPoolExecutor(min(AT_THE_SAME_TIME, len(calls)), "invariantselect") as threads:
            return list(threads.map(self._send, calls))

    def _send(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            outcome: httpx2.Response | httpx2.RequestError
            try:
                outcome = self.http.send(self.http.build_request(**self.connection.request(call)))
            except httpx2.RequestError as failure:
                outcome = failure
            judged = judge(call, outcome, self.connection, Moment(attempt, self.now(), self.chance()))
            if isinstance(judged, httpx2.Response):
                return call.parse(judged)
            self.sleep(judged)
            attempt += 1

    def _now_after(self, asked: Pause) -> float:
        if asked.seconds > 0:
            self.sleep(asked.seconds)
        return self.now()

    def follow(self, events: EventStream) -> Iterator[JobEvent]:
        """The events of a stream, connected again to where it was whenever the connection is lost."""
        while not events.is_over():
            response = self._open(events)
            try:
                for line in response.iter_lines():
                    event = events.feed(line)
                    if event is not None:
                        yield event
            except httpx2.TransportError as lost:
                events.broke_off()
                _log.info("the stream of events broke off (%s); it goes on in %.1f s", lost, PAUSE_S)
            finally:
                response.close()
            if not events.is_over():
                self.sleep(PAUSE_S)

    def _open(self, events: EventStream) -> httpx2.Response:
        call, attempt = events.call(), 0
        while True:
            outcome: httpx2.Response | httpx2.RequestError
            try:
                outcome = self.http.send(self.http.build_request(**self.connection.request(call)), stream=True)
                if events.begins(outcome):
                    return outcome
                with closing(outcome):
                    outcome.read()
            except httpx2.RequestError as failure:
                outcome = failure
            judged = events.judge(call, outcome, self.connection, Moment(attempt, self.now(), self.chance()))
            if isinstance(judged, httpx2.Response):
                call.parse(judged)  # raises: it is no stream
            else:
                self.sleep(judged)
            attempt += 1
