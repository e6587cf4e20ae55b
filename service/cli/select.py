"""``invariantselect select``"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import selection_flags as flags
from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption

if TYPE_CHECKING:
    from index.pool import Pool
    from invariantselect.wire import Comparison, Selection, SelectionOptions
    from service.selecting.given_query import GivenQuery
    from service.settings import Settings

__all__ = ["select"]


def select(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="An image file, or id:<id of a demonstration>.")],
    *,
    pool: PoolOption,
    k: flags.K = 7,
    strategy: flags.Strategy = "topk_nearest",
    compare: flags.Compare = False,
    where: flags.Where = None,
    label_balance: flags.LabelBalance = "none",
    max_per_group: flags.MaxPerGroup = None,
    max_per_domain: flags.MaxPerDomain = None,
    diversity: flags.Diversify = None,
    lambda_: flags.Lambda = None,
    candidates: flags.Candidates = None,
    order: flags.Order = "nearest_last",
    seed: flags.Seed = 0,
    exclude: flags.Exclude = None,
    exclude_own_group: flags.ExcludeOwnGroup = False,
    near_duplicates_above: flags.NearDuplicates = None,
    group: Annotated[str | None, typer.Option("--group", help="The query's patient or slide.")] = None,
    domain: Annotated[str | None, typer.Option("--domain", help="Where the query comes from.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with the pictures.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Choose demonstrations for a query image. They are listed in the order in which they stand in the prompt.

    \b
    Examples:
      invariantselect select new.jpg --pool pets -k 7
      invariantselect select new.jpg --pool pets --where domain!=sketch --label-balance even
      invariantselect select id:photo/dog/1.jpg --pool pets --diversity mmr --lambda 0.5 --html selection.html
      invariantselect select new.jpg --pool pets --domain sketch --compare --html comparison.html
      invariantselect select scan.png --pool skin --group patient-17 --exclude-own-group --max-per-group 1 --json
    """
    options = flags.options_from_flags(
        k=k,
        strategy=strategy,
        where=where,
        label_balance=label_balance,
        max_per_group=max_per_group,
        max_per_domain=max_per_domain,
        diversity=diversity,
        lambda_=lambda_,
        candidates=candidates,
        order=order,
        seed=seed,
        exclude=exclude,
        exclude_own_group=exclude_own_group,
        near_duplicates_above=near_duplicates_above,
    )
    from service.cli.answering import page_of, read_question
    from service.cli.selection_tables import print_answer
    from service.cli.terminal import print_json, progress
    from service.cli.workplace import decode_limits, open_pools, read_settings

    settings = read_settings(data)
    limits = decode_limits(settings)
    with open_pools(settings) as pools:
        opened = pools.open(pool)
        question = read_question(image, group=group, domain=domain, limits=limits)
        answer = _answer(settings, opened, question.given, options, compare=compare)
        if html is not None:
            html.write_text(page_of(opened, question, answer, options, limits), encoding="utf-8")
            progress().print(f"Wrote {html}.")
    if as_json:
        print_json(answer.model_dump(mode="json"))
    else:
        print_answer(answer)


def _answer(
    settings: Settings, pool: Pool, query: GivenQuery, options: SelectionOptions, *, compare: bool
) -> Selection | Comparison:
    from invariantselect.wire import ComparableOptions
    from service.cli.answering import pool_embedder
    from service.selecting import selections

    embedder_of = partial(pool_embedder, settings, pool)
    if not compare:
        return selections.select_one(pool, query, options, embedder_of).here()
    shared = options.model_dump(by_alias=True, exclude={"strategy"})
    strategies = list(dict.fromkeys([options.strategy, "topk_nearest", "invariant_select"]))
    several = ComparableOptions.model_validate({**shared, "strategies": strategies})
    return selections.compare(pool, query, several.by_strategy(), embedder_of).here()
