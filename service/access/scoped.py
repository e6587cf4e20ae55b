"""Who may call what: every route asks for a scope, or says that it is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from invariantselect.errors import ForbiddenError, UnauthenticatedError
from invariantselect.loopback import is_loopback
from service.access.audit_trail import begin_record
from service.access.caller import LOCAL, Caller, remember_caller
from service.access.grants import check_granted
from service.access.keys import Scope
from service.services import Services, services_of

__all__ = ["ADMIN", "READ", "SCRAPE", "WRITE", "Scoped", "refuse_other_sites", "still_admitted"]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="isk_<id>_<secret>",
    description="An API key. Not asked for while the server listens on loopback with auth=auto.",
)


class Scoped:
    """A dependency that lets in only who has a scope, not too often, and only to what their key is granted.

    Whoever is let in to change something is written down before they do.

    Args:
        scope: The least scope that is let in.
        counted: Whether requests are limited in number.
        of_all_pools: Whether the answer tells of all pools, so that a key that is limited to some is refused.
    """

    def __init__(self, scope: Scope, *, counted: bool = True, of_all_pools: bool = False) -> None:
        self.scope = scope
        self.counted = counted
        self.of_all_pools = of_all_pools

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> None:
        """Check the sender of a request.

        Raises:
            UnauthenticatedError: No key, or none that works.
            RateLimitedError: The key, or the address where no keys are asked for, has asked too often.
            ForbiddenError: The key lacks the scope, or is limited to pools where the answer tells of all; or no keys
                are asked for and another site sent the request.
            PoolNotFoundError, JobNotFoundError: The path names what the key isn't granted.
            CatalogUnavailableError: Keys can't be looked up, or a write can't be written down.
        """
        services = services_of(request)
        if services.keys is None:
            refuse_other_sites(request)
            remember_caller(request, LOCAL)
            if services.rate_limits.any or self._changes_something(request):
                await self._apart(request, services, partial(self._admit_local, request, services))
            return
        if credentials is None:
            raise UnauthenticatedError("the request has no API key")
        presented = credentials.credentials
        await self._apart(request, services, partial(self._admit_key, request, services, presented))

    async def _apart(self, request: Request, services: Services, admit: Callable[[], None]) -> None:
        """On another thread; that of a write may wait for other writes, when it is written down."""
        if self._changes_something(request):
            await services.writes.run(admit)
        else:
            await run_in_threadpool(admit)

    def _admit_local(self, request: Request, services: Services) -> None:
        self._count(request, services, "no-address" if request.client is None else request.client.host)
        self._write_down(request, services, LOCAL)

    def _admit_key(self, request: Request, services: Services, presented: str) -> None:
        key = services.key_check.verify(presented, self.scope)
        request.scope["invariantselect.key_id"] = key.id
        services.key_use.note(key)
        self._count(request, services, key.id)
        if not key.may(self.scope):
            raise ForbiddenError(f"this needs the scope {self.scope}; the key has {key.scope}", scope=self.scope)
        if self.of_all_pools and key.pools is not None:
            raise ForbiddenError(
                "this tells of all pools, and the key is limited to some", hint="Use a key that isn't limited to pools."
            )
        caller = Caller(key.id, key.pools)
        check_granted(caller, request.path_params, services.jobs)
        remember_caller(request, caller)
        self._write_down(request, services, caller)

    def _count(self, request: Request, services: Services, who: str) -> None:
        if self.counted:
            services.rate_limits.count(who, write=self._changes_something(request))

    def _write_down(self, request: Request, services: Services, caller: Caller) -> None:
        if self._changes_something(request):
            begin_record(services, request, caller.actor)

    def _changes_something(self, request: Request) -> bool:
        return self.scope != "read" and request.method not in ("GET", "HEAD")


READ, WRITE, ADMIN = Scoped("read"), Scoped("write"), Scoped("admin")
SCRAPE = Scoped("read", counted=False, of_all_pools=True)
"""For what asks by the clock, and must see a server whose clients ask too much."""


def still_admitted(request: Request) -> bool:
    """Whether the key of a request that was let in works to this day: a stream may outlive it.

    Raises:
        CatalogUnavailableError: Keys can't be looked up.
    """
    services = services_of(request)
    if services.keys is None:
        return True
    _, presented = get_authorization_scheme_param(request.headers.get("authorization"))
    try:
        services.key_check.verify(presented, "read")
    except UnauthenticatedError:
        return False
    return True


def refuse_other_sites(request: Request) -> None:
    """Keep web pages of other sites out of a server that asks for no keys.

    A browser lets any page send a form to 127.0.0.1, and a name that resolves to 127.0.0.1 makes its page same-origin.

    Raises:
        ForbiddenError: The Host is not this machine, or the Origin is another site.
    """
    host = request.headers.get("host", "localhost")
    origin = request.headers.get("origin")
    if not _names_this_machine(host):
        raise ForbiddenError(
            f"a server without API keys answers to localhost, not to {host[:100]}",
            hint="Call it as http://127.0.0.1, or set INVARIANTSELECT_AUTH=on and use a key.",
        )
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        raise ForbiddenError(
            "a server without API keys doesn't answer the web pages of other sites",
            hint="Set INVARIANTSELECT_AUTH=on and use a key.",
        )


def _names_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
