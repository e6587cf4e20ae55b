"""Paths in the names of encoders."""

from __future__ import annotations

from pathlib import Path

from invariantselect.errors import EncoderNotFoundError

__all__ = ["expanded"]

_LONGEST = 4096  # what Linux takes


def expanded(name: str) -> Path:
    """The path that a name may be, with the home directory in the place of ``~``.

    Raises:
        EncoderNotFoundError: It can't be one.
    """
    try:
        path = Path(name).expanduser()
        if len(name) <= _LONGEST and "\0" not in name:
            path.is_dir()  # a part that is too long is an error here, and False later
            return path
    except (OSError, RuntimeError) as error:
        raise EncoderNotFoundError(f"There is no encoder {name[:64]!r}: {error}.") from error
    raise EncoderNotFoundError(f"There is no encoder {name[:64]!r}: it is no name of a directory.")
