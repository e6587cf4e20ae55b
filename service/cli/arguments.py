"""Options that several commands share, written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["AsJson", "Data", "PoolOption", "Yes"]

Data: TypeAlias = Annotated[
    Path, typer.Option("--data", envvar="INVARIANTSELECT_DATA", metavar="DIR", help="Directory that holds the pools.")
]
PoolOption: TypeAlias = Annotated[str, typer.Option("--pool", "-p", metavar="NAME", help="Name of the pool.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]

DEFAULT_DATA = Path("invariantselect-data")
