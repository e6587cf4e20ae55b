"""Where the server is, who is asking, and how patiently."""

from __future__ import annotations

import dataclasses
import os
import platform
from dataclasses import dataclass, field
from typing import Any

import httpx2

from invariantselect import __version__
from invariantselect.calls import Call
from invariantselect.errors import InvalidRequestError
from invariantselect.loopback import is_loopback

__all__ = ["DEFAULT_BASE_URL", "DEFAULT_MAX_RETRIES", "DEFAULT_TIMEOUT_S", "LIMITS", "Connection"]

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MAX_RETRIES = 2

LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4.0)
"""httpx2's own, but an idle connection is let go before uvicorn, after 5 s, hangs up on a request just sent."""

_CONNECT_TIMEOUT_S = 5.0
_USER_AGENT = f"invariantselect-python/{__version__} (Python {platform.python_version()}; httpx2 {httpx2.__version__})"


@dataclass(frozen=True)
class Connection:
    """What every request needs to know. Never shows the API key.

    Attributes:
        base_url: ``http(s)://host[:port][/prefix]`` without a slash at the end.
        api_key: Sent as ``Authorization: Bearer …``; None where the server asks for none.
        timeout: httpx2's: how long to wait for a connection, for each read and write, for a free connection.
        max_retries: How often a request may be repeated after the first attempt.
    """

    base_url: str
    api_key: str | None = field(repr=False)
    timeout: httpx2.Timeout
    max_retries: int

    @classmethod
    def to(
        cls,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | httpx2.Timeout | None = None,
        max_retries: int = DEFAULT_MAX_RETRIES,
    ) -> Connection:
        """Check the arguments; what is None is taken from the environment, now.

        Raises:
            InvalidRequestError: An argument or environment variable that can't be used.
        """
        address = base_url or os.environ.get("INVARIANTSELECT_BASE_URL") or DEFAULT_BASE_URL
        key = (api_key or os.environ.get("INVARIANTSELECT_API_KEY") or "").strip()
        if any(not "!" <= character <= "~" for character in key):
            raise InvalidRequestError(
                "the API key holds a character that no key has", hint="Copy the key again, without quotes or spaces."
            )
        patience = DEFAULT_TIMEOUT_S if timeout is None else timeout
        return cls(_checked_url(address), key or None, _checked_timeout(patience), _checked_retries(max_retries))

    def changed(self, *, timeout: float | httpx2.Timeout | None, max_retries: int | None) -> Connection:
        """The same server and key with other patience; None leaves a value as it is."""
        return dataclasses.replace(
            self,
            timeout=self.timeout if timeout is None else _checked_timeout(timeout),
            max_retries=self.max_retries if max_retries is None else _checked_retries(max_retries),
        )

    @property
    def stays_here(self) -> bool:
        """Whether requests go to this machine itself, in the clear: a proxy of the environment would take them, keys
        and images with them, elsewhere."""
        url = httpx2.URL(self.base_url)
        return url.scheme == "http" and is_loopback(url.host)

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """The arguments of ``build_request`` on either of httpx2's clients."""
        headers = {"Accept": "application/json, application/problem+json, image/*", "User-Agent": _USER_AGENT}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        headers.update(call.headers)
        return {
            "method": call.method,
            "url": self.base_url + call.path,
            "content": call.body,
            "params": dict(call.params) or None,
            "headers": headers,
            "timeout": _shorter(_longer(self.timeout, call.quiet_s), call.within_s),
        }


def _checked_url(address: str) -> str:
    hint = "Give base_url as http://host:port or https://host."
    try:
        url = httpx2.URL(address.strip())
    except httpx2.InvalidURL as error:
        raise InvalidRequestError(f"base_url can't be read: {error}", hint=hint) from None
    if url.userinfo:
        raise InvalidRequestError("base_url holds a user name or password", hint="Give the key as api_key=.")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise InvalidRequestError(f"base_url is not the address of a server: {str(url)!r:.200}", hint=hint)
    return str(url).rstrip("/")


def _checked_timeout(timeout: float | httpx2.Timeout) -> httpx2.Timeout:
    if isinstance(timeout, httpx2.Timeout):
        return timeout
    if not timeout > 0:
        raise InvalidRequestError(f"timeout is {timeout}", hint="Give seconds, more than 0.")
    return httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT_S))


def _longer(timeout: httpx2.Timeout, quiet_s: float) -> httpx2.Timeout:
    if timeout.read is None or timeout.read >= quiet_s:
        return timeout
    return httpx2.Timeout(connect=timeout.connect, read=quiet_s, write=timeout.write, pool=timeout.pool)


def _shorter(timeout: httpx2.Timeout, within_s: float | None) -> httpx2.Timeout:
    if within_s is None:
        return timeout
    waits = {name: within_s if wait is None else min(wait, within_s) for name, wait in timeout.as_dict().items()}
    return httpx2.Timeout(**waits)


def _checked_retries(max_retries: int) -> int:
    if max_retries < 0:
        raise InvalidRequestError(f"max_retries is {max_retries}", hint="Give 0 to never repeat a request.")
    return max_retries
