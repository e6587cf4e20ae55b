"""Whether a request is made again, and when. Pure: no clock, no randomness, no sleep of its own.

Full jitter: Brooker 2015, Exponential Backoff And Jitter,
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
Retry-After: RFC 9110, HTTP Semantics, 2022, section 10.2.3, https://www.rfc-editor.org/rfc/rfc9110#field.retry-after.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from invariantselect.calls import Call
from invariantselect.checking import error_in
from invariantselect.connection import Connection
from invariantselect.errors import (
    ConnectionFailedError,
    EncoderUnavailableError,
    InvariantSelectError,
    TimedOutError,
    UnexpectedResponseError,
)

__all__ = ["LONGEST_PAUSE_S", "LONGEST_RETRY_AFTER_S", "Moment", "judge", "retry_after_seconds"]

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
LONGEST_RETRY_AFTER_S = 60.0

_PASSING_STATUSES = frozenset({408, 429, 502, 503, 504})
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

_WAITING: dict[type[httpx2.RequestError], str] = {
    httpx2.ConnectTimeout: "connecting",
    httpx2.WriteTimeout: "sending the request",
    httpx2.ReadTimeout: "waiting for the answer",
    httpx2.PoolTimeout: "waiting for a free connection",
}

_log = logging.getLogger("invariantselect")


@dataclass(frozen=True)
class Moment:
    """What a decision depends on besides the request and what came of it.

    Attributes:
        attempt: 0 for the first.
        now: Seconds since the epoch.
        chance: Uniform in [0, 1).
    """

    attempt: int
    now: float
    chance: float


def judge(
    call: Call[Any],
    outcome: httpx2.Response | httpx2.RequestError,
    connection: Connection,
    moment: Moment,
) -> httpx2.Response | float:
    """Decide what an attempt means.

    Returns:
        The response, when `call` can read it; or the seconds to wait before the next attempt.

    Raises:
        InvariantSelectError: The outcome is an error, and repeating is unsafe, pointless or used up.
    """
    if isinstance(outcome, httpx2.Response):
        if outcome.is_success or outcome.status_code in call.accepts:
            return outcome
        error = error_in(outcome)
        passing = outcome.status_code in _PASSING_STATUSES and not isinstance(error, EncoderUnavailableError)
        asked_for = retry_after_seconds(outcome.headers.get("retry-after"), moment.now)
        if asked_for is not None:
            error.context.setdefault("retry_after", asked_for)
        repeat = passing and call.repeatable
    else:
        error = _error_of_failure(outcome, connection)
        asked_for = None
        repeat = isinstance(outcome, _NEVER_SENT) or (
            call.repeatable and isinstance(outcome, httpx2.TransportError) and not _is_our_mistake(outcome)
        )
    if not repeat or moment.attempt >= connection.max_retries:
        raise error from (outcome if isinstance(outcome, Exception) else None)
    pause = _pause(asked_for, moment)
    _log.info("%s %s failed (%s); again in %.2f s", call.method, call.path, error.code, pause)
    return pause


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, at least 0; None when there is none or it can't be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now)


def _pause(asked_for: float | None, moment: Moment) -> float:
    if asked_for is not None:
        # A little on top, so that all clients that were turned away together don't return together.
        return min(asked_for, LONGEST_RETRY_AFTER_S) + FIRST_PAUSE_S * moment.chance
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**moment.attempt) * moment.chance)


def _is_our_mistake(failure: httpx2.RequestError) -> bool:
    return isinstance(failure, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol)


def _error_of_failure(failure: httpx2.RequestError, connection: Connection) -> InvariantSelectError:
    server = connection.base_url
    if isinstance(failure, httpx2.TimeoutException):
        return TimedOutError(f"{server} did not answer in time, {_WAITING.get(type(failure), 'waiting')}")
    if isinstance(failure, httpx2.TransportError):
        what = "can't be reached" if isinstance(failure, _NEVER_SENT) else "broke off the connection"
        return ConnectionFailedError(f"{server} {what}: {failure or type(failure).__name__}")
    return UnexpectedResponseError(f"the answer of {server} can't be read: {failure}")
