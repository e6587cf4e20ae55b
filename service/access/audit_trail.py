"""Requests that change something leave a row in the log of writes, whatever becomes of them.

The row is begun at the door, by the dependency that every guarded route has (`service.access.scoped.Scoped`), and
finished here, before the answer begins. A route can only add to it: none can leave it out.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias, cast

import structlog
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from invariantselect.errors import InternalError, InvariantSelectError
from service.access.audit import AuditRecord
from service.http.problems import problem_code
from service.http.request_ids import request_id
from service.services import Services, services_in

__all__ = ["AuditTrail", "WithRecord", "begin_record"]

_log = structlog.get_logger("service.access.audit_trail")

_IN_SCOPE = "invariantselect.audit_record"
_CLIENT_LEFT = "client_left"


def begin_record(services: Services, request: Request, actor: str) -> None:
    """Begin the row of a request that was let in and may change something.

    Raises:
        CatalogUnavailableError: It can't be written: the request must not be carried out.
    """
    request.scope[_IN_SCOPE] = AuditRecord.begin(
        services.store,
        actor,
        request.scope["route"].operation_id,
        pool=request.path_params.get("pool"),
        request_id=request_id(request.scope),
    )


async def _record(request: Request) -> AuditRecord:
    return cast(AuditRecord, request.scope[_IN_SCOPE])


WithRecord: TypeAlias = Annotated[AuditRecord, Depends(_record)]
"""The row of a request, for a route that changes something and has more to tell."""


class AuditTrail:
    """ASGI middleware that finishes the row of a request before its answer begins.

    Args:
        app: Everything behind the door.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and see how it ends."""

        async def finish_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                await _finish(scope, _outcome(scope, message["status"]))
            await send(message)

        try:
            await self._app(scope, receive, finish_and_send)
        except ClientDisconnect:
            await _finish(scope, _CLIENT_LEFT)
            raise
        except InvariantSelectError as error:
            await _finish(scope, error.code)
            raise
        except Exception:
            await _finish(scope, InternalError.code)
            raise


def _outcome(scope: Scope, status: int) -> str:
    return "done" if status < 400 else problem_code(scope) or InternalError.code


async def _finish(scope: Scope, outcome: str) -> None:
    record: AuditRecord | None = scope.pop(_IN_SCOPE, None)
    if record is None:
        return
    try:
        await services_in(scope).writes.run(partial(record.finish, outcome))
    except InvariantSelectError as error:  # what was done is done: the row stays as begun, and the answer goes out
        _log.error("audit_not_finished", record=record.id, outcome=outcome, error=error.detail)
