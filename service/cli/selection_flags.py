"""The options of a selection as flags: one flag for each field of `SelectionOptions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from typer import BadParameter, Option

if TYPE_CHECKING:
    from pydantic import ValidationError

    from invariantselect.wire import SelectionOptions

__all__ = ["options_from_flags"]

K: TypeAlias = Annotated[int, Option("-k", "--k", min=1, max=1000, help="How many demonstrations.")]
Strategy: TypeAlias = Annotated[
    Literal["random", "topk_nearest", "invariant_select"],
    Option("--strategy", help="How they are ranked; invariant_select by the encoder that was adapted to the pool."),
]
Compare: TypeAlias = Annotated[
    bool, Option("--compare", help="Put topk_nearest and invariant_select side by side; and random, if that is named.")
]
Where: TypeAlias = Annotated[
    list[str] | None,
    Option(
        "--where", "-w", metavar="CONDITION", help="domain!=sketch, label=cat,dog, metadata.age=54 or JSON; all hold."
    ),
]
LabelBalance: TypeAlias = Annotated[
    Literal["none", "even", "cover"],
    Option("--label-balance", help="Spread k over the labels, or take every label once and then the nearest."),
]
MaxPerGroup: TypeAlias = Annotated[int | None, Option("--max-per-group", min=1, help="At most so many of one group.")]
MaxPerDomain: TypeAlias = Annotated[
    int | None, Option("--max-per-domain", min=1, help="At most so many of one domain.")
]
Diversify: TypeAlias = Annotated[
    Literal["mmr", "dpp"] | None, Option("--diversity", help="Trade similarity for variety: mmr or dpp.")
]
Lambda: TypeAlias = Annotated[
    float | None, Option("--lambda", min=0, max=1, help="Weight of similarity against variety. Default: 0.7.")
]
Candidates: TypeAlias = Annotated[
    int | None, Option("--candidates", min=1, max=5000, help="How many nearest diversity chooses among. Default: 100.")
]
Order: TypeAlias = Annotated[
    Literal["nearest_last", "nearest_first", "interleaved", "shuffled"],
    Option("--order", help="How they stand in the prompt."),
]
Seed: TypeAlias = Annotated[int, Option("--seed", min=0, help="For random and shuffled.")]
Exclude: TypeAlias = Annotated[
    list[str] | None, Option("--exclude", "-x", metavar="ID", help="Bar a demonstration; may be given again.")
]
ExcludeOwnGroup: TypeAlias = Annotated[bool, Option("--exclude-own-group", help="Bar the query's own group.")]
NearDuplicates: TypeAlias = Annotated[
    float | None,
    Option("--near-duplicates-above", min=-1, max=1, help="Bar demonstrations at least this similar to the query."),
]


def options_from_flags(
    *,
    where: list[str] | None,
    diversity: str | None,
    lambda_: float | None,
    candidates: int | None,
    exclude: list[str] | None,
    exclude_own_group: bool,
    near_duplicates_above: float | None,
    **same: Any,
) -> SelectionOptions:
    """The options that the flags ask for; `same` are the flags that are named and typed like their field.

    Raises:
        BadParameter: A combination that `SelectionOptions` refuses, named by the flag.
    """
    from pydantic import ValidationError

    from invariantselect.wire import SelectionOptions
    from service.cli.where import parse_where

    trade = {"lambda": lambda_, "candidates": candidates}
    given = {name: value for name, value in trade.items() if value is not None}
    if diversity is None and given:
        raise BadParameter(f"--{next(iter(given))} goes with --diversity mmr or dpp.")
    fields = {
        **same,
        "where": parse_where(where or []),
        "diversity": None if diversity is None else {"method": diversity, **given},
        "exclude": {
            "ids": exclude or [],
            "own_group": exclude_own_group,
            "near_duplicates_above": near_duplicates_above,
        },
    }
    try:
        return SelectionOptions.model_validate(fields)
    except ValidationError as refused:
        raise BadParameter(_first_sentence(refused)) from refused


def _first_sentence(refused: ValidationError) -> str:
    first = refused.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
