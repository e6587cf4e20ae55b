"""Lines of an untrusted text file, each of bounded length."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from invariantselect.errors import ManifestInvalidError

__all__ = ["MAX_LINE", "BadLineError", "TextLines"]

MAX_LINE = 1024 * 1024


class BadLineError(Exception):
    """A line that can't be read; the next one may be fine."""


class TextLines(Iterator[str]):
    """The lines of a UTF-8 file with their ends, the byte order mark removed. Goes on after a line that can't be read.

    Attributes:
        number: Of the line read last; 0 before the first.

    Raises:
        ManifestInvalidError: The file can't be opened, or is UTF-16.
    """

    def __init__(self, path: Path) -> None:
        self.number = 0
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise ManifestInvalidError(f"{path.name} can't be read: {error.strerror}.") from error
        start = self._file.read(3)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.close()
            raise ManifestInvalidError(f"{path.name} is UTF-16.", hint="Save it as UTF-8.")
        if start != codecs.BOM_UTF8:
            self._file.seek(0)

    def __next__(self) -> str:
        """The next line.

        Raises:
            BadLineError: It is longer than `MAX_LINE` bytes or not UTF-8.
        """
        raw = self._file.readline(MAX_LINE + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        if len(raw) > MAX_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = self._file.readline(MAX_LINE)
            raise BadLineError(f"it is longer than {MAX_LINE} bytes")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadLineError("it is not UTF-8") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
