"""The log of writes over the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, JsonValue

from invariantselect.wire.base import Answered


class AuditEntry(Answered):
    """One write: who did what to what, and what came of it."""

    id: str = Field(description="24 hexadecimal digits; a later entry's id is greater.")
    at: datetime = Field(description="When it began.")
    actor: str = Field(description="Id of the API key; `local` where none are asked for; `cli` for the command line.")
    request_id: str | None = Field(default=None, description="As in X-Request-ID and in the server's log.")
    action: str = Field(description="What was asked: the operationId of a route, or the name of a command's deed.")
    pool: str | None = None
    subject: dict[str, JsonValue] = Field(
        default_factory=dict, description="Of what, in short: counts, the id of a job or a key. Never what was sent."
    )
    outcome: str = Field(
        description="`done`, the code of an error, `client_left`, or `begun`: nothing is known of how it ended."
    )


class AuditPage(Answered):
    """One page of the log, the newest first; `next_cursor` is absent on the last."""

    entries: list[AuditEntry]
    next_cursor: str | None = None
