"""From a problem document back to the error that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from invariantselect.errors.client_side import UnexpectedResponseError
from invariantselect.errors.root import ERRORS, InvariantSelectError

__all__ = ["error_from_problem"]

_STANDARD_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "hint", "instance"})


def error_from_problem(problem: Mapping[str, Any], *, status: int) -> InvariantSelectError:
    """The error that a problem document describes, as the class that the server raised.

    Args:
        problem: A decoded ``application/problem+json`` body; unknown or missing members are tolerated.
        status: The HTTP status it came with, kept in ``context`` when the code is unknown to this client.

    Returns:
        An instance of the class registered for ``problem["code"]``; `UnexpectedResponseError` for a code that this
        version of the client doesn't know.
    """
    context = {str(key): value for key, value in problem.items() if key not in _STANDARD_MEMBERS}
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered {status}")
    hint = problem.get("hint")
    cls = ERRORS.get(str(problem.get("code")))
    if cls is None:
        context["status_received"] = status
        cls = UnexpectedResponseError
    return cls(detail, hint=str(hint) if hint else None, **context)
