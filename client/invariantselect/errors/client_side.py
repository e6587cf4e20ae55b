"""What only the client can notice."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "ConnectionFailedError",
    "PromptInvalidError",
    "SelectionOutdatedError",
    "UnexpectedResponseError",
]


class ConnectionFailedError(InvariantSelectError):
    """The server could not be reached."""

    code = "connection_failed"
    status = 503
    title = "The server can't be reached"
    default_hint = "Check base_url and that 'invariantselect serve' is running."


class UnexpectedResponseError(InvariantSelectError):
    """An answer that this version of the client can't read."""

    code = "unexpected_response"
    status = 502
    title = "The answer can't be read"
    default_hint = "Check that base_url is an invariantselect server, and that client and server versions match."


class SelectionOutdatedError(InvariantSelectError):
    """The image of a chosen demonstration was replaced before it could be fetched, each time it was selected anew."""

    code = "selection_outdated"
    status = 409
    title = "The pool changes faster than it is read"
    default_hint = "Select again once the upserts are through, or with images=False."


class PromptInvalidError(InvariantSelectError):
    """A prompt that can't be built from these arguments, or an image budget that can't be met."""

    code = "prompt_invalid"
    status = 422
    title = "The prompt can't be built"
    default_hint = "Check choices, layout and the image budget."
