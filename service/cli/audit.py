"""``invariantselect audit``"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, Yes
from service.cli.confirm import confirm
from service.cli.durations import moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from service.settings import Settings

__all__ = ["audit"]


def audit(
    *,
    pool: Annotated[str | None, typer.Option("--pool", "-p", metavar="NAME", help="Only writes to this pool.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only from then on: 7d for so long ago, or 2026-11-24."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 100,
    prune_before: Annotated[
        str | None, typer.Option("--prune-before", metavar="TIME", help="Delete what is older: 365d, or 2026-01-01.")
    ] = None,
    data: Data = DEFAULT_DATA,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Tell who changed what, the newest first: requests and commands, and what came of them.

    Contents are never in it: counts, ids of jobs and keys. A write that is 'begun' and nothing else was cut off, by a
    crash or a lost database. Deleting old entries leaves an entry.

    \b
    Examples:
      invariantselect audit --pool skin --since 7d
      invariantselect audit --json --limit 1000
      invariantselect audit --prune-before 365d --yes
    """
    from service.cli.workplace import need_data, read_settings

    settings = read_settings(data)
    need_data(settings)
    if prune_before is not None:
        if pool is not None or since is not None:
            raise typer.BadParameter("it goes by age alone", param_hint="--prune-before")
        _prune(settings, moment_of(prune_before, "--prune-before"), yes=yes)
        return
    _list(settings, pool, None if since is None else moment_of(since, "--since"), limit, as_json=as_json)


def _list(settings: Settings, pool: str | None, since: datetime | None, limit: int, *, as_json: bool) -> None:
    from service.access.audit import audit_page
    from service.cli.terminal import print_json, print_table
    from service.cli.workplace import open_own_tables

    with closing(open_own_tables(settings)) as store:
        entries = audit_page(store, limit=limit, pool=pool, since=since)
    if as_json:
        print_json({"entries": [entry.model_dump(mode="json") for entry in entries]})
        return
    rows = [
        (
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            entry.actor,
            entry.action,
            entry.pool,
            entry.outcome,
            ", ".join(f"{name} {_short(value)}" for name, value in entry.subject.items()),
            entry.request_id,
        )
        for entry in entries
    ]
    print_table(["when (UTC)", "who", "action", "pool", "outcome", "what", "request"], rows)


def _prune(settings: Settings, before: datetime, *, yes: bool) -> None:
    from service.access.audit import prune_audit
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import open_own_tables

    if not yes:
        confirm(f"Delete all entries before {before:%Y-%m-%d %H:%M}?")
    with (
        closing(open_own_tables(settings)) as store,
        audited(settings, "prune_audit", before=before.isoformat()) as record,
    ):
        removed = prune_audit(store, before)
        record.tell(removed=removed)
    progress().print(f"Deleted {removed} entries.")


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
