"""Where an endpoint is, and whether a key may travel there."""

from __future__ import annotations

from urllib.parse import urlsplit

from invariantselect.errors import InvalidRequestError
from invariantselect.loopback import is_loopback

__all__ = ["check_address", "is_encrypted", "keeps_secrets"]


def check_address(url: str) -> None:
    """Refuse what is no plain http or https address. It is never quoted: it may hold a key.

    Raises:
        InvalidRequestError: It isn't one, or it holds a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise InvalidRequestError(
            "The base URL is no http or https address.", hint="Give one such as http://127.0.0.1:8000/v1."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidRequestError(
            "The base URL holds more than an address.",
            hint="Leave out user, query and fragment; a key belongs in an environment variable.",
        )


def is_encrypted(url: str) -> bool:
    """Whether it is asked by https: then a proxy on the way sees no more than where it is."""
    return urlsplit(url).scheme == "https"


def keeps_secrets(url: str) -> bool:
    """Whether what is sent there can't be read on the way: by https, or to this machine itself and by no proxy."""
    return is_encrypted(url) or is_loopback(urlsplit(url).hostname or "")
