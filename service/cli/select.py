"""``invariantselect select``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli import selection_flags as flags
from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption

__all__ = ["select"]


def select(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="An image file, or id:<id of a demonstration>.")],
    pool: PoolOption,
    k: flags.K = 7,
    strategy: flags.Strategy = "topk_nearest",
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
