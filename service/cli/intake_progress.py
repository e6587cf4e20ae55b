"""An intake with a progress bar on stderr: how far, how fast, how long still."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from service.cli.terminal import progress
from service.cli.workplace import load_encoder, open_pools

if TYPE_CHECKING:
    from index.intake import IntakeReport
    from service.settings import Settings

__all__ = ["take_in_with_progress"]


class _Rate(ProgressColumn):
    """Images a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f} images/s" if task.speed else "")


def progress_bar() -> Progress:
    """A bar on stderr that leaves nothing behind where stderr is no terminal."""
    console = progress()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
