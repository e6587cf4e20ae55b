"""The log of writes: who changed what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from invariantselect.errors import InvalidCursorError
from invariantselect.wire.audit import AuditPage
from invariantselect.wire.base import PoolName
from service.access.audit import audit_page
from service.access.caller import WithCaller
from service.access.scoped import ADMIN
from service.http.cursors import cursor_after, read_cursor
from service.http.openapi import problems
from service.routers.parameters import WithServices

router = APIRouter(tags=["operation"])


@router.get(
    "/v1/audit",
    summary="Page through the log of writes",
    dependencies=[Depends(ADMIN)],
    responses=problems(InvalidCursorError),
    operation_id="list_writes",
)
def list_writes(
    services: WithServices,
    caller: WithCaller,
    *,
    pool: Annotated[PoolName | None, Query(description="Only those of this pool.")] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Only those from this time on, with its zone: 2026-11-24T00:00:00Z.")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> AuditPage:
    """Requests that were let in to change something, and such commands, the newest first, with what came of them; of a
    key that is limited to some pools, those of these pools."""
    before = None if cursor is None else read_cursor(cursor)
    found = audit_page(services.store, before=before, limit=limit + 1, pool=pool, since=since, pools=caller.pools)
    shown = found[:limit]
    return AuditPage(entries=shown, next_cursor=cursor_after(shown[-1].id) if len(found) > limit else None)
