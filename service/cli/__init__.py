"""The command line. Commands import what they need when they run, so that ``--help`` answers at once."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``invariantselect`` with the arguments of this process and end it with the command's exit code."""
    from service.cli.app import app
    from service.cli.exit_codes import run

    sys.exit(run(app, sys.argv[1:]))
