"""multipart/form-data: fields by name, as text or as files."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from invariantselect.errors import InvalidRequestError, RequestMalformedError

__all__ = ["Multipart", "read_multipart"]

_MOST_FIELDS = 16


@dataclass(frozen=True)
class Multipart:
    """The parts of a body.

    Attributes:
        fields: Text by name; a part with a filename counts as text if the route says that the name is a text's.
        files: Contents by name, in order.
    """

    fields: dict[str, bytes]
    files: dict[str, list[bytes]]


async def read_multipart(request: Request, *, texts: set[str], files: set[str], most_files: int) -> Multipart:
    """Read a multipart body.

    Args:
        request: The request, its content type already looked at.
        texts: Names of parts that hold text or JSON; each may be sent once.
        files: Names of parts that hold files.
        most_files: How many files are taken.

    Raises:
        RequestMalformedError: Not multipart, or broken.
        InvalidRequestError: A part with an unknown name, or one text twice.
    """
    limit = 16 * 1024 * 1024  # of a text; a file is limited by the request's size
    try:
        form = await request.form(max_files=most_files + len(texts), max_fields=_MOST_FIELDS, max_part_size=limit)
    except HTTPException as error:
        raise RequestMalformedError(f"the multipart body can't be read: {error.detail}") from None
    try:
        return await _sorted(form, texts, files)
    finally:
        await form.close()


async def _sorted(form: FormData, texts: set[str], files: set[str]) -> Multipart:
    found = Multipart({}, {name: [] for name in files})
    for name, part in form.multi_items():
        content = await part.read() if isinstance(part, UploadFile) else part.encode("utf-8", "surrogateescape")
        if name in files and isinstance(part, UploadFile):
            found.files[name].append(content)
        elif name in texts and name not in found.fields:
            found.fields[name] = content
        else:
            known = ", ".join(sorted(texts | files))
            raise InvalidRequestError(
                f"the part {name[:100]!r} is not expected, sent twice, or not a file", hint=f"Parts are {known}."
            )
    return found
