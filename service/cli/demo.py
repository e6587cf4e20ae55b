"""``invariantselect demo``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Directory for the demo's images and its pool.")
    ] = Path("demo-data"),
) -> None:
    """Build a pool from real images, adapt to it, and compare both strategies on a domain that it has never seen.

    Takes a few minutes on two cores, once; a second run finds everything done.

    \b
    Examples:
      invariantselect demo
      invariantselect demo --out /tmp/demo
    """
    from service.demo.tour import tour

    tour(out)
