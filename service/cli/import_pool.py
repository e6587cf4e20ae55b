"""``invariantselect import``"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption
from service.cli.exit_codes import DONE, FAILED

__all__ = ["import_"]


def import_(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that 'export' wrote.")],
    pool: PoolOption,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a pool from an export, nothing lost.

    Its vectors are used as they are where the encoder's fingerprint agrees; else the images are encoded again.

    \b
    Examples:
      invariantselect import pets-export/ --pool pets
    """
    from index.transfer import import_pool
    from service.cli.ingest import print_report, report_as_json
    from service.cli.terminal import print_json
    from service.cli.workplace import load_encoder, open_pools, read_settings

    settings = read_settings(data)
    report = import_pool(open_pools(settings, make=True), directory, pool, partial(load_encoder, settings))
    if as_json:
        print_json(report_as_json(pool, report))
    else:
        print_report(pool, report)
    raise typer.Exit(FAILED if report.failed else DONE)
