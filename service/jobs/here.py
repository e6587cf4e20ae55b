"""Doing one job in this process, without a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.jobs.worker import worker_name
from service.services import Services

__all__ = ["doing"]


@contextmanager
def doing(services: Services, id: str) -> Iterator[None]:
    """Do a job beside the block, unless a worker comes first. A block that raises (Ctrl-C) cancels the job.

    Args:
        services: What the job works with.
        id: Of a queued job.
    """
    runner = Runner(
        services,
        services.store,
        KINDS,
        worker=worker_name(),
        stopping=lambda: False,
        put_back=services.queue.announce,
    )
    thread = threading.Thread(target=runner.run, args=(id,), name=f"job-{id}")
    thread.start()
    try:
        yield
    except BaseException:
        if not services.jobs.get(id).finished:
            services.jobs.cancel(id)
        raise
    finally:
        thread.join()
