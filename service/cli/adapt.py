"""``invariantselect adapt``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption
from service.cli.training_flags import blocks_of, options_of, seconds_of

if TYPE_CHECKING:
    from encoders.adaptation.ranks import Ranks
    from invariantselect.wire.adaptation import AdaptRequest
    from service.settings import Settings

__all__ = ["adapt"]


def adapt(
    pool: PoolOption,
    *,
    depth: Annotated[
        Literal["auto", "closed_form", "head", "finetune"],
        typer.Option("--depth", help="How deep; auto lets all that the budget allows compete."),
    ] = "auto",
    objective: Annotated[
        Literal["cci", "supcon", "dcl", "cross_entropy"],
        typer.Option("--objective", help="What head and trunk are trained with."),
    ] = "cci",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="NAME=VALUE", help="Of the objective; may come again.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="For learning and validation: 90s, 10m, 2h.")
    ] = "10m",
    blocks: Annotated[
        str, typer.Option("--blocks", metavar="N", help="Blocks of the trunk that fine-tuning trains, or 'all'.")
    ] = "8",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Let it serve even if validation finds it no better.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker, and only tell the job's id.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Adapt a pool's encoder to the pool, as a job that is done here and now.

    Candidates are judged on domains of the pool that they haven't seen; the best one serves 'invariant_select' if it
    is better than the encoder that the pool was made with. The pool can be searched and written meanwhile. Ctrl-C
    cancels the job and leaves the pool as it was; 'jobs retry' goes on from the last checkpoint.

    \b
    Examples:
      invariantselect adapt --pool pets
      invariantselect adapt --pool pets --depth closed_form
      invariantselect adapt --pool pets --depth finetune --option temperature=0.07 --budget 2h --queue
      torchrun --nproc-per-node 4 -m service.cli adapt --pool pets --depth finetune --budget 2h
    """
    from service.cli.job_here import leave
    from service.cli.shared_training import shared
    from service.cli.workplace import read_settings

    request = _request(
        depth=depth,
        objective=objective,
        options=options_of(objective, option or []),
        budget_seconds=seconds_of(budget),
        blocks=blocks_of(blocks),
        seed=seed,
        force=force,
    )
    settings = read_settings(data)
    with shared(settings.device) as ranks:
        if ranks is not None and not ranks.leads:
            return
        if queue:
            leave(settings, "adapt", request, pool, as_json=as_json)
        else:
            _do(settings, request, pool, ranks, as_json=as_json)


def _do(settings: Settings, request: AdaptRequest, pool: str, ranks: Ranks | None, *, as_json: bool) -> None:
    from service.cli.job_here import do_here
    from service.cli.jobs import tell_end
    from service.cli.terminal import print_json
    from service.cli.workplace import open_pools

    with open_pools(settings) as pools:
        encoder = pools.open(pool).encoder
    job = do_here(settings, "adapt", request, pool, encoder=encoder, ranks=ranks)
    if as_json:
        print_json(job.model_dump(mode="json"))
    tell_end(job, quiet=as_json)


def _request(**fields: Any) -> AdaptRequest:
    from invariantselect.checking import checked
    from invariantselect.wire.adaptation import AdaptRequest

    return checked(AdaptRequest, **fields)
