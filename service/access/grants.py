"""What a key isn't granted is not there for it: answered as what doesn't exist, so that nobody learns what exists."""

from __future__ import annotations

import re
from collections.abc import Mapping

from invariantselect.errors import ForbiddenError, JobNotFoundError, PoolNotFoundError
from service.access.caller import Caller
from service.jobs.desk import JobDesk

__all__ = ["check_granted", "check_may_make"]

_JOB_ID = re.compile(r"[0-9a-f]{24}")


def check_granted(caller: Caller, named: Mapping[str, object], jobs: JobDesk) -> None:
    """Check the pool or the job that a path names.

    Args:
        caller: Who asks.
        named: The parameters of the path, not validated yet.
        jobs: Where a job's pool is looked up.

    Raises:
        PoolNotFoundError: The caller doesn't see the pool; whether there is one is not looked up.
        JobNotFoundError: There is no such job, or it is about a pool that the caller doesn't see.
    """
    if caller.pools is None:
        return
    if "pool" in named and not caller.sees(str(named["pool"])):
        raise PoolNotFoundError(
            f"there is no pool {str(named['pool'])[:64]!r} for this key",
            hint="The key is limited to some pools; GET /v1/pools lists those of them that exist.",
        )
    if "job_id" in named:
        id = str(named["job_id"])
        if not (_JOB_ID.fullmatch(id) and caller.sees(jobs.get(id).pool)):
            raise JobNotFoundError(f"there is no job {id[:64]!r}")


def check_may_make(caller: Caller, pool: str) -> None:
    """Check the name of a pool to be made.

    Raises:
        ForbiddenError: The caller is limited to pools of other names. Whether there is such a pool is not looked up.
    """
    if not caller.sees(pool):
        raise ForbiddenError(
            f"the key is limited to some pools, and {pool!r} is none of them",
            hint="Use a key that isn't limited, or one made with 'invariantselect keys create --pool'.",
        )
