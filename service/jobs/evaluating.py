"""Evaluate: does the selection help on a pool? Folds, adaptations and answers are kept, so that each is done once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from index.pool import Pool
from invariantselect.errors import PoolNotFoundError
from invariantselect.wire.evaluation import EvaluateRequest
from service.http.model_asked import options_of
from service.jobs.context import JobContext
from service.jobs.kind import JobKind
from service.services import Services

__all__ = ["EVALUATE", "report_folder"]

_REPORTS = "reports"


def _evaluate(context: JobContext, request: EvaluateRequest) -> dict[str, Any]:
    from encoders.adaptation.watch import Watch  # brings torch, which takes seconds: servers know this kind, too
    from service.evaluation.evaluating import evaluate_pool

    services = context.services
    pool = context.open_pool()

    def tell(phase: str, done: int, total: int, figures: dict[str, float]) -> None:
        context.progress(phase, done, total, **figures)

    if request.depth in ("auto", "finetune") and "invariant_select" in request.strategies:
        services.pool_embedder(pool)  # refuses an encoder that the operator doesn't let this server load
    context.progress("reading the pool")
    out = services.settings.data / _REPORTS / pool.key / context.job_id
    result = evaluate_pool(
        pool,
        request,
        services.settings,
        folder=context.folder,
        out=out,
        lmm=options_of(request.lmm, services.settings),
        watch=Watch(tell, context.check),
        log=context.log,
        spent=context.folder / f"spent-{context.retries()}",
    )
    if not _still_there(services, pool):
        shutil.rmtree(out.parent, ignore_errors=True)  # it was written after the others were removed
        raise PoolNotFoundError(f"the pool {pool.name!r} was dropped meanwhile")
    return result.model_dump(mode="json")


def _still_there(services: Services, pool: Pool) -> bool:
    try:
        return services.pools.open(pool.name).key == pool.key
    except PoolNotFoundError:
        return False


def report_folder(data: Path, job: str) -> Path | None:
    """Where the report of a job is; None where it has none, or its pool was dropped.

    Args:
        data: The data directory.
        job: Id of the job, 24 hexadecimal digits.
    """
    return next((data / _REPORTS).glob(f"*/{job}"), None)


EVALUATE = JobKind("evaluate", EvaluateRequest, _evaluate)
