"""Where a command writes: results to stdout, everything else to stderr, colour only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["print_json", "print_table", "printable", "progress", "results"]

_PIPED_WIDTH = 10_000  # a pipe has no width: nothing is cut or folded there


def results() -> Console:
    """The console of stdout, for what was asked for."""
    return _console(stderr=False)


def progress() -> Console:
    """The console of stderr, for progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if terminal else _PIPED_WIDTH, highlight=False, markup=False, emoji=False)


def printable(text: object) -> str:
    """`text` with every character that could steer a terminal (escape sequences, line breaks) made visible."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in str(text)
    )


def print_json(value: Any) -> None:
    """Write a result as JSON to stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=not _unicode_is_fine()) + "\n")


def _unicode_is_fine() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Write rows as a table to stdout.

    Args:
        columns: The headings.
        rows: Cells in the order of `columns`; None is shown as a dash.
        right: Headings of the columns that are set flush right, for numbers.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(
            *(cell if isinstance(cell, Text) else Text("–" if cell is None else printable(cell)) for cell in row)
        )
    results().print(table)
