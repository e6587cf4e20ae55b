"""``invariantselect keys``: who may call the server."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from service.keys import ApiKey

__all__ = ["app"]

app = typer.Typer(help="Make, list and revoke the API keys of the server.", no_args_is_help=True)


@app.command()
def create(
    scope: Annotated[Literal["read", "write", "admin"], typer.Option("--scope", help="What the key may do.")] = "read",
    name: Annotated[str, typer.Option("--name", help="To recognise it by.")] = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an API key and show it, once: only its hash is stored.

    Each scope includes the ones before it: read selects and fetches, write makes pools and changes demonstrations,
    admin drops pools.

    \b
    Examples:
      invariantselect keys create --scope write --name nightly-import
    """
    from service.cli.terminal import print_json, progress, results
    from service.cli.workplace import open_own_tables, read_settings
    from service.keys import create_key

    with closing(open_own_tables(read_settings(data))) as store:
        made = create_key(store, scope, name)
    if as_json:
        print_json({**_shown(made.key), "secret": made.secret})
        return
    results().print(made.secret)
    progress().print("Keep it now: it can't be shown again. Clients send it as 'Authorization: Bearer <key>'.")


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the API keys, revoked ones included, without their secrets.

    \b
    Examples:
      invariantselect keys list
    """
    from service.cli.terminal import print_json, print_table
    from service.cli.workplace import open_own_tables, read_settings
    from service.keys import list_keys

    with closing(open_own_tables(read_settings(data))) as store:
        keys = list_keys(store)
    if as_json:
        print_json({"keys": [_shown(key) for key in keys]})
        return
    rows = [
        (key.id, key.scope, key.name, f"{key.created_at:%Y-%m-%d %H:%M}", "revoked" if key.revoked_at else "works")
        for key in keys
    ]
    print_table(["id", "scope", "name", "made (UTC)", ""], rows)


@app.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'keys list' shows it.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a key useless from the next request on.

    \b
    Examples:
      invariantselect keys revoke 0f8a6c1d2e3b4a59
    """
    from invariantselect.errors import InvalidRequestError
    from service.cli.terminal import progress
    from service.cli.workplace import open_own_tables, read_settings
    from service.keys import revoke_key

    with closing(open_own_tables(read_settings(data))) as store:
        revoked = revoke_key(store, id)
    if not revoked:
        raise InvalidRequestError(f"no key with the id {id} works", hint="'invariantselect keys list' shows them.")
    progress().print(f"Revoked {id}.")


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "scope": key.scope,
        "name": key.name,
        "created_at": key.created_at.isoformat(),
        "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat(),
    }
