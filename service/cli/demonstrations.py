"""``invariantselect demonstrations``: list, get, relabel and delete what is in a pool."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption, Yes
from service.cli.confirm import confirm
from service.cli.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from index.demonstration import Demonstration, Outcome
    from index.pool import Pool

__all__ = ["app"]

app = typer.Typer(help="List, get, relabel and delete the demonstrations of a pool.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of demonstrations.")]


@app.command("list")
def list_(
    pool: PoolOption,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")] = 100,
    after: Annotated[str | None, typer.Option("--after", metavar="ID", help="Only those behind this id.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List demonstrations by id.

    \b
    Examples:
      invariantselect demonstrations list --pool pets
      invariantselect demonstrations list --pool pets --limit 20 --after photo/dog/1.jpg
    """
    with _opened(pool, data) as opened:
        _print(opened, opened.page(after, limit), as_json=as_json)


@app.command()
def get(ids: Ids, pool: PoolOption, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show demonstrations by id.

    \b
    Examples:
      invariantselect demonstrations get photo/dog/1.jpg --pool pets --json
    """
    with _opened(pool, data) as opened:
        found = opened.get(ids)
        _print(opened, [each for each in found if each is not None], as_json=as_json)
    missing = [id for id, each in zip(ids, found, strict=True) if each is None]
    if missing:
        from invariantselect.errors import DemonstrationNotFoundError

        raise DemonstrationNotFoundError(
            f"the pool {pool} has no demonstration {', '.join(missing)}",
            hint="'invariantselect demonstrations list' shows the ids.",
        )


@app.command()
def relabel(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of the demonstration.")],
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Its new label.")],
    pool: PoolOption,
    data: Data = DEFAULT_DATA,
) -> None:
    """Give a demonstration another label; its image and vector stay.

    \b
    Examples:
      invariantselect demonstrations relabel photo/dog/1.jpg wolf --pool pets
    """
    with _opened(pool, data) as opened:
        _tell(_written_down("relabel_demonstrations", opened, data, lambda: opened.patch({id: {"label": label}})))


@app.command()
def delete(ids: Ids, pool: PoolOption, data: Data = DEFAULT_DATA, yes: Yes = False) -> None:
    """Delete demonstrations.

    \b
    Examples:
      invariantselect demonstrations delete photo/dog/1.jpg --pool pets --yes
    """
    with _opened(pool, data) as opened:
        if not yes:
            confirm(f"Delete {len(ids)} demonstrations of the pool {opened.name}?")
        _tell(_written_down("delete_demonstrations", opened, data, lambda: opened.delete(ids)))


@contextmanager
def _opened(pool: str, data: Path) -> Iterator[Pool]:
    from service.cli.workplace import open_pools, read_settings

    with open_pools(read_settings(data)) as pools:
        yield pools.open(pool)


def _written_down(action: str, pool: Pool, data: Path, change: Callable[[], Sequence[Outcome]]) -> Sequence[Outcome]:
    from service.cli.audited import audited
    from service.cli.workplace import read_settings
    from service.stored import counts

    with audited(read_settings(data), action, pool.name) as record:
        outcomes = change()
        record.tell(**counts(outcomes))
    return outcomes


def _print(pool: Pool, stored: Sequence[Demonstration], *, as_json: bool) -> None:
    from service.cli.terminal import print_json, print_table
    from service.stored import demonstration

    if as_json:
        shown = [demonstration(pool.name, each).model_dump(mode="json") for each in stored]
        print_json({"demonstrations": shown})
        return
    rows = [
        (each.id, each.label, each.domain, each.group, f"{each.width}×{each.height}", _metadata(each))
        for each in stored
    ]
    print_table(["id", "label", "domain", "group", "size", "metadata"], rows)


def _metadata(each: Demonstration) -> str | None:
    return json.dumps(dict(each.metadata), ensure_ascii=False) if each.metadata else None


def _tell(outcomes: Sequence[Outcome]) -> None:
    from service.cli.terminal import print_table

    print_table(
        ["id", "outcome", ""], [(each.id, each.status, each.error.detail if each.error else "") for each in outcomes]
    )
    raise typer.Exit(FAILED if any(each.error for each in outcomes) else DONE)
