"""``invariantselect keys``: who may call the server."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data
from service.cli.durations import duration_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime

    from pydantic import JsonValue

    from index.catalog.engine import Catalog
    from service.access.keys import ApiKey, NewKey
    from service.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="Make, list, rotate and revoke the API keys of the server.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'keys list' shows it.")]


@app.command()
def create(
    *,
    scope: Annotated[Literal["read", "write", "admin"], typer.Option("--scope", help="What the key may do.")] = "read",
    name: Annotated[str, typer.Option("--name", help="To recognise it by.")] = "",
    pools: Annotated[
        list[str] | None,
        typer.Option("--pool", "-p", metavar="NAME", help="Only for this pool; repeatable. All pools unless given."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="After which it ends by itself: 24h, 90d.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an API key and show it, once: only its hash is stored.

    Each scope includes the ones before it: read selects and fetches, write makes pools and changes demonstrations,
    admin drops pools.

    \b
    Examples:
      invariantselect keys create --scope write --name nightly-import
      invariantselect keys create --pool skin --pool lymph --expires 90d
    """
    from service.access.keys import create_key
    from service.cli.audited import audited
    from service.cli.workplace import read_settings

    lifetime = None if expires is None else duration_of(expires, "--expires")
    settings = read_settings(data)
    with _opened(settings) as store, audited(settings, "create_key", make=True) as record:
        made = create_key(store, scope, name, pools=pools or (), lifetime=lifetime)
        record.tell(**_about(made.key))
    _show_once(made, as_json=as_json)


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the API keys, revoked and expired ones included, without their secrets.

    \b
    Examples:
      invariantselect keys list
    """
    from datetime import UTC, datetime

    from service.access.keys import list_keys
    from service.cli.terminal import print_json, print_table
    from service.cli.workplace import read_settings

    with _opened(_there(read_settings(data))) as store:
        keys = list_keys(store)
    if as_json:
        print_json({"keys": [_shown(key) for key in keys]})
        return
    now = datetime.now(UTC)
    rows = [
        (
            key.id,
            key.scope,
            "all" if key.pools is None else ", ".join(sorted(key.pools)),
            key.name,
            f"{key.created_at:%Y-%m-%d %H:%M}",
            key.last_used_on,
            _state(key, now),
        )
        for key in keys
    ]
    print_table(["id", "scope", "pools", "name", "made (UTC)", "last used", ""], rows)


@app.command()
def rotate(
    id: Id,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="How long the old key still works: 0, 30m, 24h.")
    ] = "24h",
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="Of the new key; as long as the old one was made for."),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a key that takes another's place, with its scope, pools and name, and show it, once.

    The old one works until the overlap is over. No server has to be restarted.

    \b
    Examples:
      invariantselect keys rotate 0f8a6c1d2e3b4a59
      invariantselect keys rotate 0f8a6c1d2e3b4a59 --overlap 0
    """
    from service.access.key_rotation import rotate_key
    from service.cli.audited import audited
    from service.cli.workplace import read_settings

    settings, wait = _there(read_settings(data)), duration_of(overlap, "--overlap")
    lifetime = None if expires is None else duration_of(expires, "--expires")
    with _opened(settings) as store, audited(settings, "rotate_key", make=True, rotated=_id_or_nothing(id)) as record:
        made = rotate_key(store, id, wait, lifetime)
        record.tell(**_about(made.key), overlap_seconds=wait.total_seconds())
    _show_once(made, as_json=as_json)


@app.command()
def revoke(id: Id, data: Data = DEFAULT_DATA) -> None:
    """Make a key useless from the next request on.

    \b
    Examples:
      invariantselect keys revoke 0f8a6c1d2e3b4a59
    """
    from invariantselect.errors import InvalidRequestError
    from service.access.keys import revoke_key
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import read_settings

    settings = _there(read_settings(data))
    with _opened(settings) as store, audited(settings, "revoke_key", make=True, key=_id_or_nothing(id)):
        if not revoke_key(store, id):
            raise InvalidRequestError(
                "there is no key with this id that isn't revoked", hint="'invariantselect keys list' shows them."
            )
    progress().print(f"Revoked {id}.")


def _there(settings: Settings) -> Settings:
    """The settings, where there is a place that keys may be in.

    Raises:
        PoolNotFoundError: There is no data directory, and no database that keys are in.
    """
    from service.cli.workplace import need_data

    if settings.database_url is None:
        need_data(settings)
    return settings


def _opened(settings: Settings) -> AbstractContextManager[Catalog]:
    from service.cli.workplace import open_own_tables

    return closing(open_own_tables(settings))


def _id_or_nothing(typed: str) -> str | None:
    """The id of a key; None for any other text, which may be a whole key, typed by mistake."""
    return typed if re.fullmatch("[0-9a-f]{16}", typed) else None


def _about(key: ApiKey) -> dict[str, JsonValue]:
    """What the log of writes keeps of a key that was made."""
    shown = _shown(key)
    return {"key": key.id, **{name: shown[name] for name in ("scope", "pools", "name", "expires_at")}}


def _show_once(made: NewKey, *, as_json: bool) -> None:
    from service.cli.terminal import print_json, progress, results

    if as_json:
        print_json({**_shown(made.key), "secret": made.secret})
        return
    results().print(made.secret)
    progress().print("Keep it now: it can't be shown again. Clients send it as 'Authorization: Bearer <key>'.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.works(now):
        return "expired"
    end = "" if key.expires_at is None else f" until {key.expires_at:%Y-%m-%d %H:%M}"
    return f"works{end}" + (f", then {key.successor}" if key.successor else "")


def _shown(key: ApiKey) -> dict[str, JsonValue]:
    return {
        "id": key.id,
        "scope": key.scope,
        "name": key.name,
        "pools": None if key.pools is None else [*sorted(key.pools)],
        "created_at": key.created_at.isoformat(),
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
        "successor": key.successor,
        "last_used_on": None if key.last_used_on is None else key.last_used_on.isoformat(),
    }
