"""An evaluation of a pool, from what is asked to its report on disk: what the command and the job have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from encoders.adaptation.watch import Watch
from encoders.catalog import is_rounded, load_tower, was_adapted
from encoders.decode import DecodeLimits
from encoders.tower import Tower
from evaluation.learners.lmm import Account, Lmm, LmmOptions
from evaluation.learners.registry import learners_of
from evaluation.plan import EvaluationPlan
from evaluation.report import About, write_report
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.evaluation import Evaluation, evaluate
from evaluation.running.learners import Learners
from evaluation.running.maps import maps_of
from index.pool import Pool
from invariantselect.errors import ImageNotFoundError, InvalidRequestError, StoreCorruptError
from invariantselect.wire.evaluation import EvaluateRequest, EvaluationResult
from service.code_version import code_version
from service.evaluation.evaluated_pool import evaluated_pool
from service.evaluation.evaluation_result import result_in
from service.jobs.learning_set import LearningSet, choose
from service.settings import Settings
from service.training_plan import training_plan

__all__ = ["evaluate_pool"]


@dataclass(frozen=True, eq=False)
class _Asked:
    pool: Pool
    request: EvaluateRequest
    settings: Settings
    lmm: LmmOptions | None
    watch: Watch
    spent: Path | None


def evaluate_pool(
    pool: Pool,
    request: EvaluateRequest,
    settings: Settings,
    *,
    folder: Path,
    out: Path,
    lmm: LmmOptions | None,
    watch: Watch,
    log: Callable[[str], None],
    spent: Path | None = None,
) -> EvaluationResult:
    """Evaluate, or go on, and write the report.

    Args:
        pool: What is evaluated: the demonstrations that it has, or had when this was begun.
        request: How.
        settings: Of the data directory.
        folder: Where everything is kept in the meantime.
        out: Where the report goes.
        lmm: How the learner ``lmm`` asks, where it is named.
        watch: Told how far it is, and asked whether to go on.
        log: Told when answers of demonstrations that were changed since are thrown away; it may refuse by raising.
        spent: Folder of what was spent of the model's budget, for whoever goes on; None grants it anew each time.

    Raises:
        InvariantSelectError: As `evaluation.running.evaluation.evaluate`.
    """
    asked = _Asked(pool, request, settings, lmm, watch, spent)
    while True:
        chosen = choose(pool, folder, log)
        try:
            return _evaluated(asked, chosen, out)
        except ImageNotFoundError as error:
            if chosen.still_there(pool):
                raise StoreCorruptError(error.detail, hint=error.hint) from error


def _evaluated(asked: _Asked, chosen: LearningSet, out: Path) -> EvaluationResult:
    request, settings, pool = asked.request, asked.settings, asked.pool
    plan = _plan(request, settings)
    evaluated = evaluated_pool(pool, chosen, DecodeLimits(settings.max_image_bytes, settings.max_image_pixels))
    model = None
    if asked.lmm is not None:
        account = None if asked.spent is None else Account(asked.spent)
        model = Lmm(asked.lmm, picture=evaluated.content, cache=settings.lmm_answers, account=account)
    learners = _learners(request, model, 1 if asked.lmm is None else asked.lmm.concurrency)
    base = _base(asked) if plan.adapts and request.depth in ("auto", "finetune") else None
    done = evaluate(evaluated, plan, learners, folder=chosen.work, base=base, watch=asked.watch)
    about = _about(asked, chosen, done, model)
    maps = maps_of(evaluated, done.spaces, seed=request.seed, watch=asked.watch)
    asked.watch.progress("writing the report", 0, 1, {})
    files = write_report(out, about, done.answers, maps=maps, picture=_picture(evaluated), check=asked.watch.check)
    return result_in(files.json)


def _plan(request: EvaluateRequest, settings: Settings) -> EvaluationPlan:
    return EvaluationPlan(
        protocol=request.protocol,
        shots=tuple(request.shots),
        strategies=tuple(request.strategies),
        targets=None if request.targets is None else tuple(request.targets),
        folds=request.folds,
        queries=request.queries,
        centre_queries=request.centre_queries,
        seed=request.seed,
        adaptation=training_plan(request, request.depth, request.budget_seconds, settings),
    )


def _learners(request: EvaluateRequest, model: Lmm | None, concurrency: int) -> Learners:
    computing = [learner for kind in request.learners if kind != "lmm" for learner in learners_of(kind)]
    if ("lmm" in request.learners) != (model is not None):
        raise InvalidRequestError("The learner lmm needs a model.", hint="Name one.")
    return Learners(tuple(computing), () if model is None else (model,), concurrency)


def _base(asked: _Asked) -> Tower | None:
    """What is fine-tuned; None where nothing of the pool's encoder can be trained, and that isn't all that is asked."""
    pool = asked.pool
    if asked.request.depth == "auto" and is_rounded(pool.encoder, store=asked.settings.data / "encoders"):
        return None
    tower = load_tower(pool.encoder, store=asked.settings.data / "encoders")
    if tower.fingerprint() != pool.fingerprint:
        raise InvalidRequestError(
            f"The trunk of {pool.encoder!r} isn't what the pool {pool.name!r} was made with, so it can't be trained.",
            hint="Evaluate with the depth closed_form or head.",
        )
    return tower


def _picture(evaluated: EvaluatedPool) -> Callable[[str], bytes | None]:
    def picture(id: str) -> bytes | None:
        try:
            return evaluated.content(id)
        except ImageNotFoundError:  # deleted since it was asked: its answers stand
            return None

    return picture


def _about(asked: _Asked, chosen: LearningSet, done: Evaluation, model: Lmm | None) -> About:
    request, pool = asked.request, asked.pool
    adapts = "invariant_select" in request.strategies and any(request.shots)
    return About(
        pool=pool.name,
        snapshot=chosen.since,
        encoder=pool.encoder,
        adaptation=f"{request.depth}, adapted to each fold's demonstrations alone" if adapts else None,
        protocol=request.protocol,
        seed=request.seed,
        created_at=datetime.now(UTC),
        code_version=code_version(),
        folds=done.folds,
        notes=(*_knowing(pool), *done.notes, *([] if model is None else [_spent(model)])),
    )


def _knowing(pool: Pool) -> list[str]:
    if not was_adapted(pool.encoder):
        return []
    return [
        f"The pool was made with {pool.encoder!r}, which has learnt from the labels of a pool. If images of this one "
        "were among them, all figures are too good, those of the other strategies, too."
    ]


def _spent(model: Lmm) -> str:
    spent = model.spent
    cost = f", cost {spent.cost:.2f}" if model.priced else ""
    return (
        f"{model.name}: {spent.requests} requests in the last run, {spent.prompt_tokens} + {spent.answer_tokens} "
        f"tokens{cost}; {spent.cached} answers were known already."
    )
