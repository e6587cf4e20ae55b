"""The server's end, in steps, so that no request that was accepted is left without an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import structlog
import uvicorn

from service.http.last_threads import end_at_once

__all__ = ["GracefulServer"]

_log = structlog.get_logger("service.http.graceful_server")

_ON_THE_WAY_SECONDS = 0.2  # a request that was sent over an open connection before it is known to be idle
_FIRST_WORD_SECONDS = 2.0  # for whoever was let in and is slow to speak
_LOOK_SECONDS = 0.05
_WIND_DOWN_SECONDS = 10.0  # for files and connections to be closed, once every request is answered


class GracefulServer(uvicorn.Server):
    """uvicorn, except for what a signal does.

    The first says that the server goes: `closing` is set, so that /readyz says 503, streams end, and answers close
    their connections. For `delay` seconds everything else is as before. Then no connection is taken any more, and what
    runs has ``config.timeout_graceful_shutdown`` seconds to finish. The second signal ends every waiting: what still
    runs is answered 503. The third ends the process.

    Args:
        config: Of uvicorn.
        closing: Set when the server is told to stop.
        delay: Seconds; of SIGTERM alone, as whoever presses Ctrl-C is no load balancer.
        stop: Called once the server is told to stop, for what ends beside it.
        hurry: Called at the second signal, likewise.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        closing: threading.Event,
        *,
        delay: float,
        stop: Callable[[], None],
        hurry: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self.signals: list[int] = []
        self._closing = closing
        self._delay = delay
        self._stop = stop
        self._hurry = hurry
        self._until: float | None = None
        self._wound_down = threading.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- the signature of a handler
        """Take note of a signal; it may come between any two instructions, so all else is done elsewhere."""
        self._closing.set()
        self.signals.append(sig)
        if len(self.signals) > 2:
            os._exit(128 + sig)  # to be killed at any point loses nothing

    async def on_tick(self, counter: int) -> bool:
        """See whether it is time to stop, ten times a second."""
        if self.signals and self._until is None:
            self._until = time.monotonic() + (self._delay if self.signals[0] == signal.SIGTERM else 0)
            _log.info("stopping", requests=len(self.server_state.tasks), delay_seconds=self._delay)
            self._stop()
        if self._until is not None and (time.monotonic() >= self._until or len(self.signals) > 1):
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door behind those who are in, let what runs finish, and end."""
        hurrying = asyncio.create_task(self._cancel_when_hurried())
        threading.Thread(target=self._end_in_any_case, name="last-resort", daemon=True).start()
        try:
            await self._close_the_door(sockets or [])
            await super().shutdown(sockets)
        finally:
            hurrying.cancel()
            self._wound_down.set()

    async def _close_the_door(self, sockets: list[socket.socket]) -> None:
        """Listen no more, and read what was sent over the connections that are there."""
        waiting = [connection for each in sockets for connection in _not_yet_accepted(each)]
        for server in self.servers:
            server.close()
        for each in sockets:
            each.close()
        loop = asyncio.get_running_loop()
        for connection in waiting:
            await loop.connect_accepted_socket(self._protocol, connection)
        until = time.monotonic() + _FIRST_WORD_SECONDS
        await asyncio.sleep(_ON_THE_WAY_SECONDS)
        while self._somebody_is_new() and len(self.signals) < 2 and time.monotonic() < until:  # noqa: ASYNC110 -- as below
            await asyncio.sleep(_LOOK_SECONDS)

    def _somebody_is_new(self) -> bool:
        """Whether a connection was let in that hasn't sent its first request."""
        return any(getattr(connection, "cycle", connection) is None for connection in self.server_state.connections)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _end_in_any_case(self) -> None:
        """End the process where winding down takes too long: a thread may be loading an encoder, or wait for a lock."""
        patience = (self.config.timeout_graceful_shutdown or 0) + _WIND_DOWN_SECONDS
        until = time.monotonic() + patience
        while not self._wound_down.wait(_LOOK_SECONDS):
            if len(self.signals) > 1:
                until = min(until, time.monotonic() + _WIND_DOWN_SECONDS)
            if time.monotonic() > until:
                end_at_once()  # an embedded worker stops when its lifeline breaks

    async def _cancel_when_hurried(self) -> None:
        while len(self.signals) < 2:  # noqa: ASYNC110 -- a signal handler can't wake the loop
            await asyncio.sleep(_LOOK_SECONDS)
        _log.warning("stopping_in_a_hurry", requests=len(self.server_state.tasks))
        self._hurry()
        for task in set(self.server_state.tasks):
            task.cancel()


def _not_yet_accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """Connections that stand, and that closing the listener would break off."""
    listener.setblocking(False)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # nobody waits, or who did has gone
            return
        yield connection
