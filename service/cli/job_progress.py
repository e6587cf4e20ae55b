"""Following a job on the terminal: a bar on stderr for how far it is, and what it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from invariantselect.errors import InvalidRequestError, InvariantSelectError, JobCancelledError, error_from_problem
from invariantselect.wire.jobs import Job, JobEvent, JobProgress
from service.cli.terminal import printable, progress
from service.jobs.desk import JobDesk

__all__ = ["events_of", "failure_of", "show_until_done"]

_LOOK_SECONDS = 0.2


def events_of(desk: JobDesk, id: str, check: Callable[[], None] = lambda: None) -> Iterator[JobEvent]:
    """What happened to a job and what happens, until it has ended.

    Args:
        desk: Where the job is.
        id: Its id.
        check: Called when there is nothing to tell; raises when there won't be.
    """
    after = 0
    while True:
        job = desk.get(id)
        found = desk.events(id, after=after)
        yield from found
        after = found[-1].number if found else after
        if not found and job.finished:  # asked before the events, so that none came behind them
            return
        if not found:
            check()
            time.sleep(_LOOK_SECONDS)


def show_until_done(desk: JobDesk, id: str, check: Callable[[], None] = lambda: None) -> Job:
    """Show a job's progress on stderr until it has ended; the job as it is then. `check` as of `events_of`."""
    console = progress()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("waiting for a worker", total=None, more="")
        for event in events_of(desk, id, check):
            if event.text is not None:
                bar.console.print(printable(event.text), style="dim")
            if event.progress is not None:
                now = event.progress
                bar.update(
                    task,
                    description=printable(now.phase),
                    completed=now.done or 0,
                    total=now.total,
                    more=_more(now),
                )
    return desk.get(id)


def failure_of(job: Job) -> InvariantSelectError | None:
    """Why a job came to no good end; None when it did or has none yet."""
    if job.state == "cancelled":
        return JobCancelledError(f"the job {job.id} was cancelled")
    if job.error is None:
        return None
    status = job.error.get("status")
    return error_from_problem(job.error, status=status if isinstance(status, int) else InvalidRequestError.status)


def _more(now: JobProgress) -> str:
    figures = [f"{name} {value:.4g}" for name, value in now.figures.items()]
    left = [] if now.seconds_left is None else [f"{now.seconds_left:.0f} s left"]
    return ", ".join([*left, *figures])
