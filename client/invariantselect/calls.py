"""What the client wants done, without doing it: calls to the server, work on this machine, and flows made of both.

Every method of the SDK is a flow, a generator that yields what it needs and is sent the answers. It is written once;
`invariantselect.transport` and `invariantselect.async_transport` are the two ways to run it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

import httpx2

from invariantselect.errors import InvariantSelectError

__all__ = ["Call", "Finished", "Flow", "Pause", "Step", "Work", "many", "off_the_loop", "one", "pause", "step"]

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One HTTP request and how its answer is read.

    Attributes:
        method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
        path: Percent-encoded, from the slash on.
        parse: Turns a successful response, its body read, into the result.
        repeatable: Sending it twice leaves the server as sending it once does, so a lost answer may be asked for again.
        body: JSON, UTF-8; None for a request without a body.
        params: Query parameters.
        accepts: Statuses besides 2xx that `parse` reads.
        headers: Of this call, beside those of every call.
        quiet_s: Seconds for which the answer may be silent in between, where that is longer than the client's timeout.
        within_s: Seconds that each attempt may wait, where the client's timeout is longer; None for that.
    """

    method: str
    path: str
    parse: Callable[[httpx2.Response], T] = field(repr=False)
    repeatable: bool
    body: bytes | None = field(default=None, repr=False)
    params: Mapping[str, str | int] = field(default_factory=dict)
    accepts: frozenset[int] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    quiet_s: float = 0.0
    within_s: float | None = None


@dataclass(frozen=True)
class Work(Generic[T]):
    """A function that reads files or decodes images, which an event loop must not wait for."""

    function: Callable[[], T]


@dataclass(frozen=True)
class Pause:
    """A time to wait.

    Attributes:
        seconds: How long; 0 only to be told the time.
    """

    seconds: float


Step: TypeAlias = "Sequence[Call[Any]] | Work[Any] | Pause"
"""Calls to make at the same time, answered by the list of their results; or work, answered by its result; or a pause,
answered by the time after it, in seconds since the epoch."""

Flow: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True)
class Finished(Generic[T]):
    """The end of a flow, and what it returned."""

    value: T


def one(call: Call[T]) -> Flow[T]:
    """Make a call: ``pool = yield from one(call)``."""
    [answer] = yield [call]
    return answer  # type: ignore[no-any-return]


def many(calls: Sequence[Call[T]]) -> Flow[list[T]]:
    """Make calls at the same time; the results come in the order of the calls."""
    answers = yield calls
    return answers  # type: ignore[no-any-return]


def off_the_loop(function: Callable[[], T]) -> Flow[T]:
    """Do work where waiting for it is fine: in place, or in a thread when an event loop is running."""
    answer = yield Work(function)
    return answer  # type: ignore[no-any-return]


def pause(seconds: float) -> Flow[float]:
    """Wait; the time afterwards, in seconds since the epoch."""
    now = yield Pause(seconds)
    return now  # type: ignore[no-any-return]


def step(flow: Flow[T], answer: Any) -> Step | Finished[T]:
    """Send a flow what it asked for (None to start it); what it asks for next, or its end.

    An `InvariantSelectError` as the answer is raised where the flow waits, so that a flow may handle it.
    """
    try:
        return flow.throw(answer) if isinstance(answer, InvariantSelectError) else flow.send(answer)
    except StopIteration as end:
        return Finished(end.value)
