"""One id for each request, in the response, in problem documents and in every line of the log."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

__all__ = ["assign_request_id", "request_id"]

_KEY = "invariantselect.request_id"
_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def assign_request_id(scope: MutableMapping[str, Any]) -> str:
    """Take the client's X-Request-ID where it is harmless in a log, else make one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    scope[_KEY] = given.decode("ascii") if _ACCEPTED.fullmatch(given) else uuid.uuid4().hex
    return str(scope[_KEY])


def request_id(scope: Mapping[str, Any]) -> str | None:
    """The id of the request that a scope describes."""
    return scope.get(_KEY)
