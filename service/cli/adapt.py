"""``invariantselect adapt``"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption

if TYPE_CHECKING:
    from encoders.adaptation.ranks import Ranks
    from invariantselect.wire.adaptation import AdaptRequest
    from invariantselect.wire.objectives import ObjectiveName
    from service.settings import Settings

__all__ = ["adapt"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_ALL = "all"


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
    from service.cli.shared_training import shared
    from service.cli.workplace import read_settings

    request = _request(
        depth=depth,
        objective=objective,
        options=_options(objective, option or []),
        budget_seconds=_seconds(budget),
        blocks=_blocks(blocks),
        seed=seed,
        force=force,
    )
    settings = read_settings(data)
    with shared(settings.device) as ranks:
        if ranks is not None and not ranks.leads:
            return
        if queue:
            _leave(settings, request, pool)
        else:
            _do(settings, request, pool, ranks, as_json=as_json)


def _leave(settings: Settings, request: AdaptRequest, pool: str) -> None:
    from service.cli.terminal import results
    from service.cli.workplace import open_jobs, open_pools

    with open_pools(settings) as pools:
        pools.open(pool)
    with open_jobs(settings) as desk:
        results().print(desk.submit("adapt", request, pool=pool).id)


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


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: 90s, 10m and 2h are", param_hint="--budget")
    seconds = float(found[1]) * _UNITS[found[2]]
    if not seconds:
        raise typer.BadParameter(f"{text!r} is no time to learn anything in", param_hint="--budget")
    return seconds


def _blocks(text: str) -> int | None:
    if text == _ALL:
        return None
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"{text!r} is neither a number from 1 nor 'all'", param_hint="--blocks")
    return int(text)


def _options(objective: ObjectiveName, given: list[str]) -> dict[str, Any]:
    from invariantselect.wire.objectives import check_options

    options = dict(_option(text) for text in given)
    try:
        check_options(objective, options)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--option") from None
    return options


def _option(text: str) -> tuple[str, Any]:
    import json

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--option")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
