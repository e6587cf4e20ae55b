"""multipart/form-data read strictly: known names only, a limited number of parts, and no end missing.

Source: RFC 7578, Returning Values from Forms, 2015, https://www.rfc-editor.org/rfc/rfc7578.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from invariantselect.errors import InvalidRequestError, PayloadTooLargeError, RequestMalformedError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["Multipart", "read_multipart"]

_LONGEST_TEXT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Multipart:
    """The parts of a body.

    Attributes:
        texts: Contents by name, of the parts that may be sent once.
        files: Contents by name, in order, of the parts that may be repeated.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, list[bytes]] = field(default_factory=dict)


async def read_multipart(request: Request, *, texts: set[str], files: set[str], most_files: int) -> Multipart:
    """Read a multipart body. Whether a part has a filename doesn't matter; its name does.

    Args:
        request: The request, its content type already looked at.
        texts: Names of parts that hold text or JSON; each may be sent once.
        files: Names of parts that hold files.
        most_files: How many files are taken.

    Raises:
        RequestMalformedError: Not multipart, broken, or cut off.
        InvalidRequestError: A part with an unknown name, one text twice, or too many files.
        PayloadTooLargeError: The body, or a text, is too large.
    """
    boundary = parse_options_header(request.headers.get("content-type"))[1].get(b"boundary", b"")
    if not boundary:
        raise RequestMalformedError("the content type names no boundary")
    parts = _Parts(texts, files, most_files)
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
    except FormParserError as error:
        raise RequestMalformedError(f"the multipart body is broken: {error}") from None
    if not parts.ended:
        raise RequestMalformedError("the multipart body is cut off: its closing boundary is missing")
    return parts.found


class _Parts:
    """Collects what the parser finds, and stops it where a limit is passed."""

    def __init__(self, texts: set[str], files: set[str], most_files: int) -> None:
        self.found = Multipart(files={name: [] for name in files})
        self.ended = False
        self._texts = texts
        self._files = files
        self._most_files = most_files
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._content = bytearray()
        self._name = ""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._header_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._all_ended,
        }

    def _begin(self) -> None:
        self._disposition = b""
        self._content = bytearray()

    def _header_begin(self) -> None:
        self._header = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value

    def _headers_finished(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name")
        if name is None:
            raise RequestMalformedError("a part of the multipart body has no name")
        self._name = name.decode("utf-8", "replace")
        if self._name not in self._texts | self._files:
            known = ", ".join(sorted(self._texts | self._files))
            raise InvalidRequestError(f"the part {self._name[:100]!r} is not expected", hint=f"Parts are {known}.")
        if self._name in self.found.texts:
            raise InvalidRequestError(f"the part {self._name!r} is sent twice", hint="Send it once.")
        if sum(map(len, self.found.files.values())) >= self._most_files and self._name in self._files:
            raise InvalidRequestError(f"there are more than {self._most_files} files", hint="Send fewer at once.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]
        if self._name in self._texts and len(self._content) > _LONGEST_TEXT:
            raise PayloadTooLargeError(f"the part {self._name!r} has more than {_LONGEST_TEXT} bytes")

    def _end(self) -> None:
        if self._name in self._files:
            self.found.files[self._name].append(bytes(self._content))
        else:
            self.found.texts[self._name] = bytes(self._content)

    def _all_ended(self) -> None:
        self.ended = True
