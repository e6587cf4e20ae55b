"""The events of a job as server-sent events: what is told in `service.jobs.events`, as it happens.

Source: WHATWG HTML, section 9.2, https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from starlette.concurrency import run_in_threadpool

from invariantselect.errors import OverloadedError
from invariantselect.wire.jobs import JobEvent
from service.jobs.desk import JobDesk

__all__ = ["Followers", "stream"]

_LOOK_SECONDS, _SLOWEST_LOOK_SECONDS = 0.25, 1.0
_SIGN_OF_LIFE_SECONDS = 10.0
_ADMITTED_SECONDS = 2.0
_ALSO_BREAKS = {ord(character): f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"}
_AT_ONCE = 500
_LAST = ("succeeded", "failed", "cancelled")
_MOST_FOLLOWERS = 200
_RETRY_AFTER = 5


class Followers:
    """How many streams there are; each looks into the catalog for as long as it lasts.

    Args:
        most: At once.
        refused: Called for each that isn't among them.
    """

    def __init__(self, most: int = _MOST_FOLLOWERS, refused: Callable[[], object] = lambda: None) -> None:
        self._most = most
        self._refused = refused
        self._there = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among them.

        Raises:
            OverloadedError: There is none.
        """
        if self._there >= self._most:
            self._refused()
            raise OverloadedError(
                f"{self._there} streams of events are being followed, the most that may be",
                hint="Wait for the seconds in Retry-After, or ask GET /v1/jobs/{job_id} now and then.",
                retry_after=_RETRY_AFTER,
            )
        self._there += 1
        try:
            yield
        finally:
            self._there -= 1


async def stream(
    desk: JobDesk, id: str, after: int, closing: Callable[[], bool], admitted: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Events behind a number, until the job has ended, as lines of ``text/event-stream``.

    Args:
        desk: Where the job is.
        id: Of a job that exists.
        after: Number of the last event that the client has; 0 for none.
        closing: Whether the server is about to stop. Then an event `closing` is the last; the client connects again, to
            where the server is by then.
        admitted: Whether who follows may still do so, asked in a thread now and then. When not, the stream ends; the
            client that connects again is told why.
    """
    told = asked = time.monotonic()
    pause = _LOOK_SECONDS
    yield b"retry: 1000\n\n"
    while not closing():
        if time.monotonic() - asked > _ADMITTED_SECONDS:
            asked = time.monotonic()
            if not await run_in_threadpool(admitted):
                return
        found = await run_in_threadpool(partial(desk.events, id, after=after, limit=_AT_ONCE))
        for event in found:
            yield _lines(event)
            after = event.number
        if found:
            told = time.monotonic()
            if len(found) < _AT_ONCE and found[-1].state in _LAST:  # else it was retried since
                return
        elif time.monotonic() - told > _SIGN_OF_LIFE_SECONDS:
            told = time.monotonic()
            yield b": the job goes on\n\n"
        if len(found) < _AT_ONCE:
            pause = _LOOK_SECONDS if found else min(1.25 * pause, _SLOWEST_LOOK_SECONDS)
            await asyncio.sleep(pause)
    yield b'event: closing\ndata: {"event": "closing"}\n\n'  # without an id: the last one stays where to go on from


def _lines(event: JobEvent) -> bytes:
    # One line of data is enough: JSON escapes line breaks, but for those that many readers of lines break at, too.
    data = event.model_dump_json().translate(_ALSO_BREAKS)
    return f"id: {event.number}\nevent: {event.event}\ndata: {data}\n\n".encode()
