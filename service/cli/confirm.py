"""Asking before something is lost."""

from __future__ import annotations

import sys

import typer

from service.cli.exit_codes import FAILED

__all__ = ["confirm"]


def confirm(question: str) -> None:
    """Ask on stderr, and end the command unless the answer is yes; no answer at all is a no.

    Raises:
        Exit: The answer wasn't yes.
    """
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        sys.stderr.write("Nothing was deleted. (--yes doesn't ask.)\n")
        raise typer.Exit(FAILED)
