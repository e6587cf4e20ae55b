"""What adaptations left behind that ended without it is removed before the next one begins."""

from __future__ import annotations

import shutil
from contextlib import suppress

from index.pool import Pool
from invariantselect.errors import EncoderVersionNotFoundError, JobNotFoundError, StoreCorruptError
from service.jobs.draft_version import NUMBER, encoder_store, number_in
from service.services import Services

__all__ = ["discard_abandoned"]


def discard_abandoned(services: Services, pool: Pool) -> None:
    """Remove what jobs left that ended without it: candidates of a pool, and encoders that no version of it names.

    Their workers died, and then they were cancelled; or they failed. One that is retried makes its version again.
    """
    for version in pool.versions():
        job = version.lineage.get("job")
        if version.state == "candidate" and job is not None and _has_ended(services, job):
            with suppress(EncoderVersionNotFoundError):  # by somebody else
                pool.discard(version.number)
    store = encoder_store(services) / pool.key
    stored = {int(path.name): path for path in store.iterdir() if path.name.isdecimal()} if store.is_dir() else {}
    needed = _in_the_making(services)  # asked in this order: what a job has made is told before the job's end is
    needed |= {version.number for version in pool.versions()}
    for number in stored.keys() - needed:
        shutil.rmtree(stored[number], ignore_errors=True)
    if stored.keys() - needed:
        services.encoders.adapted.forget(pool.key)


def _in_the_making(services: Services) -> set[int | None]:
    """Numbers of the drafts of jobs that haven't ended, of whatever pool."""
    numbers: set[int | None] = set()
    for file in (services.settings.data / "jobs").glob(f"*/{NUMBER}"):
        if not _has_ended(services, file.parent.name):
            with suppress(StoreCorruptError):  # that job can't go on either
                numbers.add(number_in(file.parent))
    return numbers


def _has_ended(services: Services, job: str) -> bool:
    try:
        return services.jobs.get(job).finished
    except JobNotFoundError:
        return True
