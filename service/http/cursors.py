"""Cursors of pages: opaque to clients, and refused unless this server made them."""

from __future__ import annotations

import base64
import binascii

from invariantselect.errors import InvalidCursorError

__all__ = ["cursor_after", "read_cursor"]

_VERSION = b"1:"


def cursor_after(id: str) -> str:
    """The cursor of the page that begins behind an id."""
    return base64.urlsafe_b64encode(_VERSION + id.encode()).decode("ascii").rstrip("=")


def read_cursor(cursor: str) -> str:
    """The id that a cursor stands for.

    Raises:
        InvalidCursorError: Not one of ours.
    """
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        id = decoded.removeprefix(_VERSION).decode()
    except (binascii.Error, ValueError):
        raise InvalidCursorError("the cursor is not one that this server made") from None
    if not id or cursor_after(id) != cursor:
        raise InvalidCursorError("the cursor is not one that this server made")
    return id
