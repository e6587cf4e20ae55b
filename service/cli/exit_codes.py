"""What a command ends with: 0 done, 1 refused or partly failed, 2 called wrongly, 130 interrupted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

__all__ = ["DONE", "FAILED", "INTERRUPTED", "USAGE", "run"]

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run one command and turn its end into an exit code.

    An error that the project raises on purpose becomes one line and its hint on stderr. Anything else is a defect and
    keeps its traceback.

    Args:
        app: The commands.
        arguments: As typed after the program's name.
    """
    try:
        typer.main.get_command(app).main(list(arguments), prog_name="invariantselect")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else DONE
        return _interrupted() if code == INTERRUPTED else _flushed(code)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if not _tell(error):
            raise
        return FAILED
    return DONE


def _flushed(code: int) -> int:
    """The code, once the result is out; a reader that has seen enough, `head` for one, is no defect."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            _tell(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _interrupted() -> int:
    sys.stderr.write("\nStopped.\n")
    return INTERRUPTED


def _tell(error: Exception) -> bool:
    """Whether `error` is one of ours, or about a file or disk of the user's, and now told."""
    from invariantselect.errors import InvariantSelectError

    if isinstance(error, InvariantSelectError):
        detail, hint = error.detail, error.hint
    elif isinstance(error, OSError) and error.errno is not None:
        detail = str(error.strerror) if error.filename is None else f"{error.filename}: {error.strerror}"
        hint = ""
    else:
        return False
    from service.cli.terminal import printable, progress

    progress().print(f"Error: {printable(detail)}", style="red")
    if hint:
        progress().print(f"  {printable(hint)}", style="dim")
    return True
