"""``invariantselect evaluate``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import evaluation_flags as flags
from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption
from service.cli.training_flags import blocks_of, options_of, seconds_of

if TYPE_CHECKING:
    from evaluation.learners.lmm import LmmOptions
    from invariantselect.wire.evaluation import EvaluateRequest
    from service.settings import Settings

__all__ = ["evaluate"]


def evaluate(
    pool: PoolOption,
    *,
    protocol: flags.Protocol = "leave-one-domain-out",
    shots: flags.Shots = "0,1,3,5,7",
    strategies: flags.Strategies = "random,topk_nearest,invariant_select",
    learner: flags.Learners = None,
    depth: flags.Depth = "closed_form",
    objective: flags.Objective = "cci",
    option: flags.Options = None,
    budget: flags.Budget = "10m",
    blocks: flags.Blocks = "8",
    targets: flags.Targets = None,
    folds: flags.Folds = 5,
    queries: flags.Queries = None,
    centre_queries: flags.CentreQueries = False,
    seed: flags.Seed = 0,
    model: flags.Model = None,
    base_url: flags.BaseUrl = None,
    key_variable: flags.KeyVariable = "OPENAI_API_KEY",
    question: flags.Question = "Which class is shown?",
    concurrency: flags.Concurrency = 4,
    timeout: flags.Timeout = 60.0,
    retries: flags.Retries = 4,
    most_requests: flags.MostRequests = None,
    most_cost: flags.MostCost = None,
    price_in: flags.PriceIn = 0.0,
    price_out: flags.PriceOut = 0.0,
    image_side: flags.ImageSide = 336,
    image_tokens: flags.ImageTokens = 8_500,
    most_tokens: flags.MostTokens = 64,
    out: flags.Out = None,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker, and only tell the job's id.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Evaluate the selection on a pool: who answers how well, from how many demonstrations, chosen by whom.

    Nothing is shown that gives the answer away: no image of the query's group, no copy. For 'invariant_select' an
    encoder is adapted to each fold's demonstrations alone. The report is a page, its figures as JSON, and every answer
    as CSV. Stopped or killed, the same command goes on with the answer that was on the way.

    \b
    Examples:
      invariantselect evaluate --pool skin
      invariantselect evaluate --pool skin --learner vote --learner probe --shots 0,1,3,5,7 --out skin-report
      invariantselect evaluate --pool pets --protocol k-fold --folds 5 --depth auto --budget 10m
      invariantselect evaluate --pool skin --learner lmm --model qwen2-vl --base-url http://localhost:8001/v1
    """
    kinds = flags.learners_of(learner or ["vote"])
    lmm = flags.model_of(
        model,
        asked="lmm" in kinds,
        base_url=base_url,
        key_variable=key_variable,
        question=question,
        concurrency=concurrency,
        timeout_seconds=timeout,
        retries=retries,
        most_requests=most_requests,
        most_cost=most_cost,
        price_in=price_in,
        price_out=price_out,
        image_side=image_side,
        image_tokens=image_tokens,
        most_tokens=most_tokens,
    )
    request = flags.request_of(
        protocol=protocol,
        shots=flags.shots_of(shots),
        strategies=flags.names_of([strategies], "--strategies"),
        learners=kinds,
        lmm=_asked(lmm if queue else _without_budget(lmm)),
        depth=depth,
        objective=objective,
        options=options_of(objective, option or []),
        budget_seconds=seconds_of(budget),
        blocks=blocks_of(blocks),
        targets=flags.names_of(targets, "--targets") if targets else None,
        folds=folds,
        queries=queries,
        centre_queries=centre_queries,
        seed=seed,
    )
    from service.cli.workplace import read_settings

    settings = read_settings(data)
    if queue:
        if out is not None:
            raise typer.BadParameter("the report of a job is fetched by its id", param_hint="--out")
        _leave(settings, request, pool, lmm, as_json=as_json)
    else:
        _do(settings, request, pool, lmm, out or Path(f"evaluation-{pool}"), as_json=as_json)


def _asked(lmm: LmmOptions | None) -> dict[str, object] | None:
    """What a request says of a model; where it is and what it costs is left to whoever does the job."""
    if lmm is None:
        return None
    budget = {"most_requests": lmm.most_requests} if lmm.most_requests else {}
    return {"model": lmm.model, "question": lmm.question, **budget}


def _leave(settings: Settings, request: EvaluateRequest, pool: str, lmm: LmmOptions | None, *, as_json: bool) -> None:
    from service.cli.job_here import leave
    from service.http.model_asked import check_allowed

    if lmm is not None and (kept := flags.kept_from_workers(lmm)):
        raise typer.BadParameter(f"a worker goes by its operator, not by {', '.join(kept)}", param_hint="--queue")
    check_allowed(request.lmm, settings)
    leave(settings, "evaluate", request, pool, as_json=as_json)


def _do(
    settings: Settings, request: EvaluateRequest, pool: str, lmm: LmmOptions | None, out: Path, *, as_json: bool
) -> None:
    from service.cli.evaluation_here import evaluate_here
    from service.cli.evaluation_tables import print_evaluation
    from service.cli.terminal import print_json, progress

    result = evaluate_here(settings, request, pool, lmm, out)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        print_evaluation(result)
    progress().print(f"Wrote {out / 'report.html'}, report.json and answers.csv.")


def _without_budget(lmm: LmmOptions | None) -> LmmOptions | None:
    """The model as the request of an evaluation in this process names it: the options handed beside it have the budget,
    and what a server grants at most doesn't count here."""
    from dataclasses import replace

    return None if lmm is None else replace(lmm, most_requests=None)
