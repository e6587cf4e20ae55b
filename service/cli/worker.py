"""``invariantselect worker``"""

from __future__ import annotations

from service.cli.arguments import DEFAULT_DATA, Data

__all__ = ["worker"]


def worker(data: Data = DEFAULT_DATA) -> None:
    """Do jobs, one at a time, until Ctrl-C.

    'invariantselect serve' starts one by itself; start further ones to do more jobs at once, each in a terminal or
    service of its own. A job that runs when its worker is told to stop goes back into the queue, and one whose worker
    died is taken over; both go on from their last checkpoint.

    \b
    Examples:
      invariantselect worker
      invariantselect worker --data demo-data
    """
    from service.cli.terminal import progress
    from service.cli.workplace import read_settings
    from service.jobs.worker import run_worker
    from service.logs import configure_logs

    settings = read_settings(data)
    configure_logs(settings)
    broker = "Redis" if settings.redis_url else "SQLite"
    progress().print(f"Waiting for the jobs of {settings.data}, told by {broker}; Ctrl-C stops.")
    run_worker(settings)
