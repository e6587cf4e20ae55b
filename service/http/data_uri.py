"""Images inlined in JSON: data URIs (RFC 2397, 1998, https://www.rfc-editor.org/rfc/rfc2397) or bare base64."""

from __future__ import annotations

import binascii
import re

from invariantselect.errors import ImageTooLargeError, RequestMalformedError

__all__ = ["image_from_text"]

_HEAD = re.compile(r"data:([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+)?(;[A-Za-z0-9-]+=[A-Za-z0-9-]+)*;base64", re.I)
_LONGEST_HEAD = 256
_HINT = "Send data:<media type>;base64,<data>, or the base64 alone. URLs are not fetched."


def image_from_text(text: str, max_bytes: int) -> bytes:
    """The image file in a data URI or in bare base64. The media type is not believed: decoding looks at the bytes.

    Args:
        text: Standard alphabet, padded, nothing else in it.
        max_bytes: Of the file; checked before anything is decoded.

    Raises:
        RequestMalformedError: Not a base64 data URI, or broken base64.
        ImageTooLargeError: More bytes than allowed.
    """
    payload = text
    if text[:5].lower() == "data:":
        head, comma, payload = text.partition(",")
        if not comma or len(head) > _LONGEST_HEAD or not _HEAD.fullmatch(head):
            raise RequestMalformedError("the image's data URI is not of the form data:…;base64,…", hint=_HINT)
    elif text[:8].lower().startswith(("http://", "https://", "file://", "s3://")):
        raise RequestMalformedError("the image is given as a URL", hint=_HINT)
    if len(payload) % 4:
        raise RequestMalformedError("the image's base64 is cut off or not padded", hint=_HINT)
    size = len(payload) // 4 * 3 - payload[-2:].count("=")
    if size > max_bytes:
        raise ImageTooLargeError(f"the image has {size} bytes; at most {max_bytes} are allowed")
    try:
        return binascii.a2b_base64(payload, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise RequestMalformedError(f"the image's base64 is broken: {error}", hint=_HINT) from None
