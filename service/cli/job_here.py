"""A job that a command hands in: done here and now, with a bar on stderr, or left to a worker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from encoders.adaptation.ranks import Ranks
    from invariantselect.wire.jobs import Job
    from service.settings import Settings

__all__ = ["do_here", "leave"]


def do_here(
    settings: Settings, kind: str, request: BaseModel, pool: str, *, encoder: str, ranks: Ranks | None = None
) -> Job:
    """Hand in a job and do it; the job when it has ended. Ctrl-C cancels it.

    Args:
        settings: Of the data directory.
        kind: Of the job.
        request: What it is asked.
        pool: What it is about.
        encoder: That the pool was made with: whoever types a command may use whatever encoder that is.
        ranks: The processes that share it with this one, where it is a training that can be shared.
    """
    import structlog

    from service.cli.audited import audited
    from service.cli.job_progress import show_until_done
    from service.jobs.here import doing
    from service.logs import configure_logs
    from service.metrics import Metrics
    from service.services import open_services

    if not structlog.is_configured():
        configure_logs(settings.model_copy(update={"log_level": "error"}))  # the bar tells the rest
    settings = settings.model_copy(update={"encoders": (*settings.encoders, encoder)})
    services = replace(open_services(settings, Metrics()), ranks=ranks)
    try:
        with audited(settings, f"{kind}_pool", pool) as record:
            job = services.jobs.submit(kind, request, pool=pool, announce=False)
            record.tell(job=job.id)
        with doing(services, job.id) as check:
            return show_until_done(services.jobs, job.id, check)
    finally:
        services.close()


def leave(settings: Settings, kind: str, request: BaseModel, pool: str, *, as_json: bool) -> None:
    """Hand in a job that a worker does, and write its id to stdout, or all of it as JSON.

    Raises:
        PoolNotFoundError: There is no such pool.
    """
    from service.cli.audited import audited
    from service.cli.terminal import print_json, results
    from service.cli.workplace import open_jobs, open_pools

    with open_pools(settings) as pools:
        pools.open(pool)
    with open_jobs(settings) as desk, audited(settings, f"{kind}_pool", pool) as record:
        job = desk.submit(kind, request, pool=pool)
        record.tell(job=job.id)
    if as_json:
        print_json(job.model_dump(mode="json"))
    else:
        results().print(job.id)
