"""The error for a library that an adapter needs and the environment lacks."""

from __future__ import annotations

__all__ = ["missing_extra"]


def missing_extra(library: str, extra: str) -> ImportError:
    """An ImportError that names the extra which brings the library."""
    return ImportError(
        f"this adapter needs {library}, which is not installed; run: pip install 'invariantselect[{extra}]'",
        name=library,
    )
