"""Doing one job in this process, without a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from invariantselect.errors import CatalogUnavailableError
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.jobs.worker import worker_name
from service.services import Services

__all__ = ["doing"]


@contextmanager
def doing(services: Services, id: str) -> Iterator[Callable[[], None]]:
    """Do a job beside the block, unless a worker comes first. A block that raises (Ctrl-C) cancels the job.

    Args:
        services: What the job works with.
        id: Of a queued job.

    Yields:
        What the block calls while it waits for the job's end: raises CatalogUnavailableError when the job can't go on
        here and its end can't be written down, so that nobody waits for it. Whoever finds it takes it over.
    """
    runner = Runner(
        services,
        services.store,
        KINDS,
        worker=worker_name(),
        stopping=lambda: False,
        put_back=services.queue.announce,
    )
    broken: list[CatalogUnavailableError] = []

    def run() -> None:
        try:
            runner.run(id)
        except CatalogUnavailableError as error:
            broken.append(error)

    def check() -> None:
        for error in broken:
            raise error

    thread = threading.Thread(target=run, name=f"job-{id}")
    thread.start()
    try:
        yield check
    except BaseException:
        if not broken and not services.jobs.get(id).finished:
            services.jobs.cancel(id)
        raise
    finally:
        thread.join()
