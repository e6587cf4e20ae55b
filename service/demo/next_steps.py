"""What to do after the demo, as commands to copy."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from urllib.parse import quote

from invariantselect.wire.options import Strategy
from service.cli.terminal import results

__all__ = ["print_next_steps"]


def print_next_steps(out: Path, pool: str, strategy: Strategy, page: Path, query: Path) -> None:
    """Print the commands, which work as they stand.

    Args:
        out: The demo's data directory.
        pool: Its pool.
        strategy: To ask with.
        page: With the pictures of a comparison.
        query: An image to ask about.
    """
    program = shlex.quote(_program())
    data, shown, image = (shlex.quote(str(path)) for path in (out, page, query))
    options = quote(f'{{"k": 7, "strategy": "{strategy}"}}')
    lines = [
        ("Look at it", f"open {shown} in a browser"),
        ("Serve it", f"{program} serve --data {data}"),
        (
            "and ask it",
            f"curl -s -H 'Content-Type: image/png' --data-binary @{image} "
            f"'http://127.0.0.1:8000/v1/pools/{pool}/select?options={options}'",
        ),
        ("Your own images", f"{program} ingest FOLDER --pool NAME    (FOLDER/<domain>/<class>/<image>)"),
        ("", f"{program} adapt --pool NAME"),
        ("", f"{program} select IMAGE --pool NAME --compare --html comparison.html"),
    ]
    for name, line in lines:
        results().print(f"  {name:<16} {line}", soft_wrap=True)


def _program() -> str:
    """How this installation's command is called from here."""
    beside = Path(sys.executable).parent / "invariantselect"
    return os.path.relpath(beside) if beside.exists() else "invariantselect"
