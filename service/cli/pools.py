"""``invariantselect pools``: list them, show one, drop one."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, Yes
from service.cli.confirm import confirm

__all__ = ["app"]

app = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the pool.")]


@app.callback()
def pools(context: typer.Context, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the pools, show one, drop one.

    \b
    Examples:
      invariantselect pools
      invariantselect pools show pets
      invariantselect pools drop pets --yes
    """
    if context.invoked_subcommand is not None:
        _refuse_options_of_a_list(context)
        return
    from service.cli.terminal import print_json, print_table, progress
    from service.cli.workplace import open_pools, read_settings
    from service.pool_info import pool_info

    with open_pools(read_settings(data)) as opened:
        found = [pool_info(pool) for pool in opened.list()]
    if as_json:
        print_json({"pools": [info.model_dump(mode="json") for info in found]})
    elif not found:
        progress().print(f"No pool in {data}. Make one with 'invariantselect ingest FOLDER --pool NAME'.")
    else:
        columns = ["pool", "demonstrations", "labels", "domains", "encoder", "adapted", "snapshot"]
        rows = [
            (i.name, i.demonstrations, len(i.labels), len(i.domains), i.encoder, i.serving_version, i.snapshot)
            for i in found
        ]
        print_table(columns, rows, right=["demonstrations", "labels", "domains", "adapted", "snapshot"])


def _refuse_options_of_a_list(context: typer.Context) -> None:
    """Options before a subcommand are the list's: let nobody believe that they chose what is shown or dropped."""
    for name, option in (("data", "--data"), ("as_json", "--json")):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"give {option} behind {context.invoked_subcommand}, not before it")


@app.command()
def show(name: Name, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show a pool: its encoder versions, how they are searched, and how many demonstrations it has of each label and
    domain.

    \b
    Examples:
      invariantselect pools show pets
    """
    from service.cli.search_lines import search_lines
    from service.cli.terminal import print_json, print_table, results
    from service.cli.workplace import open_pools, read_settings
    from service.pool_info import label_counts, pool_info

    with open_pools(read_settings(data)) as opened:
        pool = opened.open(name)
        info, counts = pool_info(pool), label_counts(pool)
    if as_json:
        listed = [count.model_dump(mode="json") for count in counts]
        print_json({**info.model_dump(mode="json"), "counts": listed})
        return
    results().print(f"{info.name}: {info.demonstrations} demonstrations, snapshot {info.snapshot}")
    print_table(
        ["version", "state", "encoder", "dimensions", "fingerprint", "made"],
        [(v.number, v.state, v.encoder, v.dim, v.fingerprint, f"{v.created_at:%F %R}") for v in info.encoder_versions],
        right=["version", "dimensions"],
    )
    for version in info.encoder_versions:
        for line in search_lines(version):
            results().print(line)
    results().print()
    domains: list[str | None] = [*info.domains, *([None] if any(count.domain is None for count in counts) else [])]
    table = {(count.label, count.domain): count.count for count in counts}
    rows = [
        (label, *(table.get((label, domain), 0) for domain in domains), sum(table.get((label, d), 0) for d in domains))
        for label in info.labels
    ]
    heads = [domain if domain is not None else "no domain" for domain in domains]
    print_table(["label", *heads, "all"], rows, right=[*heads, "all"])


@app.command()
def drop(name: Name, data: Data = DEFAULT_DATA, yes: Yes = False) -> None:
    """Delete a pool with all its demonstrations.

    \b
    Examples:
      invariantselect pools drop pets --yes
    """
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import open_jobs, open_pools, read_settings

    settings = read_settings(data)
    with open_pools(settings) as opened, open_jobs(settings) as jobs:
        pool = opened.open(name)
        size = pool.summary().demonstrations
        if not yes:
            confirm(f"Delete the pool {name} in {data} with its {size} demonstrations?")
        with audited(settings, "drop_pool", name):
            opened.check_may_be_dropped(name)
            jobs.cancel_all_of(name)  # a rebuild holds the pool's folder, which the drop waits for
            opened.drop(name, key=pool.key)
            jobs.cancel_all_of(name, pool.key)
    progress().print(f"Dropped {name}.")
