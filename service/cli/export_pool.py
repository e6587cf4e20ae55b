"""``invariantselect export``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, Data

__all__ = ["export"]


def export(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Name of the pool.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New directory to write.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a pool to a directory: a Parquet table with all columns and vectors, and the images.

    \b
    Examples:
      invariantselect export pets pets-export/
    """
    from index.transfer import export_pool
    from service.cli.intake_progress import intake_bar
    from service.cli.terminal import results
    from service.cli.workplace import open_pools, read_settings

    with open_pools(read_settings(data)) as pools, intake_bar(f"Exporting {pool}") as show:
        written = export_pool(pools.open(pool), directory, progress=show)
    results().print(f"{pool}: {written} demonstrations written to {directory}")
