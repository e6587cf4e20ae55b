"""``invariantselect keys``: who may call the server."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

__all__ = ["app"]

app = typer.Typer(help="Make, list and revoke the API keys of the server.", no_args_is_help=True)
