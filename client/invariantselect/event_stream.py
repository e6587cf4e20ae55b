"""Server-sent events of a job, read line by line; and where to go on when the connection is lost. No input or output.

Source: WHATWG HTML, section 9.2, https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import httpx2
from pydantic import ValidationError

from invariantselect.calls import Call
from invariantselect.checking import error_in
from invariantselect.connection import Connection
from invariantselect.errors import ConnectionFailedError, InvariantSelectError, UnexpectedResponseError
from invariantselect.flows.jobs import events_path
from invariantselect.patience import Patience
from invariantselect.retries import LONGEST_PAUSE_S, Moment, judge
from invariantselect.wire.jobs import JobEvent

__all__ = ["PAUSE_S", "EventStream"]

_MEDIA_TYPE = "text/event-stream"
PAUSE_S = 0.5
"""Before connecting again."""

_QUIET_S = 30.0  # the server gives a sign of life every 10 seconds
_LAST = ("succeeded", "failed", "cancelled")
_OF_A_JOB = ("", "state", "progress", "log")


class EventStream:
    """The events of one job over as many connections as it takes.

    Args:
        id: Of the job.
        after: Number of the last event that is known.
        in_vain: How many connections in a row may bring nothing.
    """

    def __init__(self, id: str, after: int, in_vain: int) -> None:
        self._path = events_path(id)
        self._last = after
        self._most_in_vain = in_vain
        self._in_vain = 0
        self._patience = Patience()
        self._name = ""
        self._data: list[str] = []
        self._over = False

    def is_over(self) -> bool:
        """Whether the last event came, asked when a connection has ended. A retried job has ended more than once: so
        only that is the last event behind which the server ended the stream.
        """
        return self._over

    def broke_off(self) -> None:
        """The connection was lost: more may follow, whatever came last."""
        self._over = False

    def call(self) -> Call[None]:
        """The request that goes on behind the last event.

        Raises:
            ConnectionFailedError: One connection after another brought nothing.
        """
        if self._in_vain > self._most_in_vain:
            raise ConnectionFailedError("the server ends the stream of events again and again")
        self._in_vain += 1
        self._name, self._data = "", []
        headers = {"Accept": f"{_MEDIA_TYPE}, application/problem+json"}
        if self._last:
            headers["Last-Event-ID"] = str(self._last)
        return Call("GET", self._path, _no_stream, repeatable=True, headers=headers, quiet_s=_QUIET_S)

    def begins(self, response: httpx2.Response) -> bool:
        """Whether a response brings events, or says that none follow (204); its body is not looked at."""
        if response.status_code == 204:
            self._over = True
            return True
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return response.is_success and media_type == _MEDIA_TYPE

    def judge(
        self,
        call: Call[None],
        outcome: httpx2.Response | httpx2.RequestError,
        connection: Connection,
        moment: Moment,
    ) -> httpx2.Response | float:
        """As `invariantselect.retries.judge`, with patience: a server that has sent something is waited for."""
        try:
            return judge(call, outcome, connection, moment)
        except InvariantSelectError as error:
            if not self._patience.bears(error, moment.now):
                raise
            return LONGEST_PAUSE_S

    def feed(self, line: str) -> JobEvent | None:
        """Take a line without its end; the event that it completes.

        Raises:
            UnexpectedResponseError: The event is none of ours.
        """
        self._patience.heard()
        if line.startswith(":"):  # a sign of life
            self._in_vain = 0
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
            elif name == "event":
                self._name = value.removeprefix(" ")
            return None
        if not self._data:
            return None
        self._in_vain = 0
        text, about = "\n".join(self._data), self._name
        self._name, self._data = "", []
        if about not in _OF_A_JOB:  # of the server: that it stops, for one
            return None
        try:
            event = JobEvent.model_validate_json(text)
        except ValidationError as error:
            raise UnexpectedResponseError(f"an event of the job can't be read: {error.errors()[0]['msg']}") from None
        self._last = event.number
        self._over = event.state in _LAST
        return event


def _no_stream(response: httpx2.Response) -> None:
    raise error_in(response)
