"""``invariantselect demonstrations``: list, get, relabel and delete what is in a pool."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption, Yes
from service.cli.exit_codes import FAILED

__all__ = ["app"]

app = typer.Typer(help="List, get, relabel and delete the demonstrations of a pool.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of demonstrations.")]
