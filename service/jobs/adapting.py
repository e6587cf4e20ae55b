"""Adapt: a pool's encoder learns from the pool, and serves if that is found to help, while the pool is searched."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from encoders.encoder import EncoderIdentity
from encoders.lineage import Lineage, Parent
from index.encoder_version import EncoderVersion
from index.pool import Pool
from invariantselect.errors import (
    ImageNotFoundError,
    InvalidRequestError,
    JobCancelledError,
    PoolNotFoundError,
    StoreCorruptError,
)
from invariantselect.wire.adaptation import AdaptRequest
from service.code_version import code_version
from service.jobs.abandoned_versions import discard_abandoned
from service.jobs.adaptation_gate import decide
from service.jobs.context import JobContext
from service.jobs.draft_version import Draft
from service.jobs.kind import JobKind
from service.jobs.learning_set import LearningSet, choose
from service.training_plan import training_plan

if TYPE_CHECKING:
    from encoders.adaptation.adapt import Adaptation
    from encoders.adaptation.watch import Watch

__all__ = ["ADAPT"]


def _adapt(context: JobContext, request: AdaptRequest) -> dict[str, Any]:
    pool = context.open_pool()
    discard_abandoned(context.services, pool)
    draft = Draft(context.services, pool, context.job_id, context.folder)
    try:
        return _through_all_phases(context, request, draft)
    except JobCancelledError:
        if context.cancelled:  # a worker that stops, or lost the job, leaves everything to the next
            draft.discard()
        raise
    except PoolNotFoundError:
        draft.discard()
        raise


def _through_all_phases(context: JobContext, request: AdaptRequest, draft: Draft) -> dict[str, Any]:
    """Each phase finds what an attempt before left of it, and does the rest."""
    lineage = draft.lineage()
    if lineage is None:
        learnt, adaptation = _learnt(context, request, draft.pool)
        lineage = _lineage(context, request, draft.pool, learnt, adaptation)
        if adaptation.winner.depth == "frozen":
            return _told(lineage.metrics, lineage.snapshot, reason="no adapted space is better than the frozen encoder")
        context.check()
        draft.save(adaptation.space, lineage)
    made = draft.version()
    if made is None:
        made = draft.add(lineage, decide(lineage.metrics, draft.pool.serving(), force=request.force))
    if made.state == "candidate":
        _settle(context, draft.pool, made)
    return _told(
        lineage.metrics,
        lineage.snapshot,
        number=made.number,
        switched=made.lineage["admitted"],
        reason=made.lineage["reason"],
    )


def _learnt(context: JobContext, request: AdaptRequest, pool: Pool) -> tuple[LearningSet, Adaptation]:
    from encoders.adaptation.adapt import adapt  # brings torch, which takes seconds: servers know this kind, too
    from encoders.adaptation.ranks import ALONE

    services = context.services
    plan = training_plan(request, request.depth, request.budget_seconds, services.settings, adapted_only=request.force)
    context.progress("loading the encoder")
    identity = services.pool_embedder(pool).identity
    _check_frozen(pool, identity)
    base = None
    if plan.depth == "auto" and identity.quantisation is not None:
        context.log("the pool's encoder was rounded to int8 and can't be trained: closed forms and heads alone")
    elif plan.depth in ("auto", "finetune"):
        from encoders.catalog import load_tower

        base = load_tower(pool.encoder, store=services.settings.data / "encoders")
    while True:
        learnt = choose(pool, context.folder, context.log)
        examples = learnt.examples(pool, services.image_limits)
        try:
            watch, ranks = _watch(context), services.ranks or ALONE
            return learnt, adapt(examples, plan, base=base, folder=learnt.work, watch=watch, ranks=ranks)
        except ImageNotFoundError as error:
            if learnt.still_there(pool):
                raise StoreCorruptError(error.detail, hint=error.hint) from error


def _check_frozen(pool: Pool, identity: EncoderIdentity) -> None:
    if identity.trunk != pool.fingerprint:
        raise InvalidRequestError(
            f"the pool {pool.name!r} was made with {pool.encoder!r}, which was adapted to another pool already",
            hint="Make a pool of the same images with the encoder that it was adapted from, and adapt that.",
        )


def _watch(context: JobContext) -> Watch:
    from encoders.adaptation.watch import Watch

    def tell(phase: str, done: int, total: int, figures: dict[str, float]) -> None:
        context.progress(phase, done, total, **figures)

    return Watch(tell, context.check)


def _settle(context: JobContext, pool: Pool, made: EncoderVersion) -> None:
    """Let a candidate serve that was admitted; retire one that wasn't."""
    if not made.lineage["admitted"]:
        context.log(f"version {made.number} doesn't serve: {made.lineage['reason']}")
        pool.retire(made.number)
        return
    recode = context.services.recode_for(pool)(made)

    def show(done: int, total: int) -> None:
        context.progress("encoding the pool", done, total)

    context.progress("encoding the pool", 0, pool.summary().demonstrations)
    pool.fill(made.number, recode, progress=show, stop=context.stopped)
    context.check()
    context.progress("switching")
    pool.switch(made.number, recode)
    context.log(f"version {made.number} serves")


def _lineage(
    context: JobContext, request: AdaptRequest, pool: Pool, learnt: LearningSet, adaptation: Adaptation
) -> Lineage:
    winner, form = adaptation.winner, adaptation.winner.closed_form
    identity = context.services.pool_embedder(pool).identity
    frozen = adaptation.contestants[0].figures.score
    context.log(f"the winner is {winner.name}: {winner.figures.score:.4f}, the frozen encoder {frozen:.4f}")
    return Lineage(
        parent=Parent(pool.encoder, identity.version, pool.fingerprint),
        pool=pool.key,
        snapshot=learnt.since,
        depth=winner.depth,
        objective=None if winner.depth in ("frozen", "closed_form") else request.objective,
        options={"request": request.model_dump(mode="json"), "form": None if form is None else asdict(form.form)},
        metrics={
            "score": winner.figures.score,
            "credit": winner.credit,
            "frozen_score": frozen,
            "report": adaptation.report,
        },
        code_version=code_version(),
        created_at=datetime.now(UTC),
    )


def _told(
    metrics: Any, snapshot: int, *, number: int | None = None, switched: bool = False, reason: str | None = None
) -> dict[str, Any]:
    """What `invariantselect.wire.adaptation.AdaptationResult` reads."""
    report = metrics["report"]
    return {
        "switched": switched,
        "version": number,
        "reason": reason,
        "winner": report["winner"],
        "score": round(metrics["score"], 4),
        "frozen_score": round(metrics["frozen_score"], 4),
        "snapshot": snapshot,
        "contestants": report["contestants"],
        "left_out": report.get("left_out", {}),
    }


ADAPT = JobKind("adapt", AdaptRequest, _adapt)
