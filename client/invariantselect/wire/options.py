"""How a selection is made: the one definition that CLI, REST, SDK and the index share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field, JsonValue, model_validator

from invariantselect.wire.base import Identifier, Sent

Strategy: TypeAlias = Literal["random", "topk_nearest", "invariant_select"]
"""`random` draws. `topk_nearest` ranks by similarity in the space of the frozen encoder that the pool was made with,
`invariant_select` in that of the version that was adapted to the pool (Zhou et al. 2024, arXiv 2405.12217)."""

CentreQueries: TypeAlias = Literal["never", "by_domain"]
LabelBalance: TypeAlias = Literal["none", "even", "cover"]
Order: TypeAlias = Literal["nearest_last", "nearest_first", "interleaved", "shuffled"]
MAX_K = 1000
LEAST_CENTRED = 8
"""Fewer queries of a domain than this say too little about its centre."""

_RANDOM_IS_NOT_DIVERSIFIED = "diversity trades off similarity, which the random strategy doesn't look at; leave it out"


class Diversity(Sent):
    """Trade similarity to the query for variety among the demonstrations.

    `mmr` is maximal marginal relevance (Carbonell & Goldstein 1998, https://doi.org/10.1145/290941.291025): each step
    takes the candidate with the largest λ·(similarity to the query) − (1−λ)·(largest similarity to one already taken).
    `dpp` is the greedy MAP of a determinantal point process (Chen, Zhang & Zhou 2018,
    https://arxiv.org/abs/1709.05135) whose kernel weighs relevance by λ the way that paper's θ does.
    λ = 1 is plain relevance for `mmr`; `dpp` takes λ < 1.
    """

    method: Literal["mmr", "dpp"]
    lambda_: Annotated[float, Field(ge=0.0, le=1.0)] = Field(default=0.7, alias="lambda")
    candidates: Annotated[int, Field(ge=1, le=5000)] = Field(
        default=100, description="How many nearest to choose among; of each label when label_balance is not none."
    )

    @model_validator(mode="after")
    def _dpp_needs_room(self) -> Diversity:
        if self.method == "dpp" and self.lambda_ >= 1.0:
            raise ValueError("dpp takes a lambda below 1")
        return self


class Exclusions(Sent):
    """What may not be chosen. The query itself never is, by id and by content hash."""

    ids: list[Identifier] = Field(default_factory=list, max_length=10_000)
    near_duplicates_above: Annotated[float, Field(ge=-1.0, le=1.0)] | None = Field(
        default=None, description="Bar demonstrations with at least this cosine similarity to the query."
    )
    own_group: bool = Field(default=False, description="Bar demonstrations of the query's own group.")


class SelectionOptions(Sent):
    """Which demonstrations to choose, and in which order they stand in the prompt."""

    k: Annotated[int, Field(ge=1, le=MAX_K)] = 7
    strategy: Strategy = "topk_nearest"
    where: dict[str, JsonValue] = Field(
        default_factory=dict,
        max_length=32,
        description=(
            "Field → value, or field → {eq, in, not}. Fields: label, domain, group, metadata.<key>; all must hold. "
            "A missing value equals null."
        ),
        examples=[{"domain": {"not": "sketch"}, "metadata.age": {"in": [54, 55]}}],
    )
    label_balance: LabelBalance = "none"
    max_per_group: Annotated[int, Field(ge=1)] | None = None
    max_per_domain: Annotated[int, Field(ge=1)] | None = None
    diversity: Diversity | None = None
    order: Order = "nearest_last"
    exclude: Exclusions = Field(default_factory=Exclusions)
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0

    @model_validator(mode="after")
    def _random_is_not_diversified(self) -> SelectionOptions:
        if self.strategy == "random" and self.diversity is not None:
            raise ValueError(_RANDOM_IS_NOT_DIVERSIFIED)
        return self


class ComparableOptions(SelectionOptions):
    """The options of one query, which several strategies may answer side by side."""

    strategies: Annotated[list[Strategy], Field(min_length=1, max_length=len(get_args(Strategy)))] | None = Field(
        default=None,
        description="Answer with each of these, all other options the same; in place of `strategy`.",
        examples=[["topk_nearest", "invariant_select"]],
    )

    @model_validator(mode="after")
    def _one_or_several(self) -> ComparableOptions:
        if self.strategies is None:
            return self
        if "strategy" in self.model_fields_set:
            raise ValueError("give strategy or strategies, not both")
        if len(set(self.strategies)) < len(self.strategies):
            raise ValueError("a strategy is named twice")
        if "random" in self.strategies and self.diversity is not None:
            raise ValueError(_RANDOM_IS_NOT_DIVERSIFIED)
        return self

    def by_strategy(self) -> dict[Strategy, SelectionOptions]:
        """What each strategy is asked, in the order of `strategies`; of the one `strategy` where there are none."""
        shared = {name: getattr(self, name) for name in SelectionOptions.model_fields}
        asked = [self.strategy] if self.strategies is None else self.strategies
        return {strategy: SelectionOptions.model_construct(**{**shared, "strategy": strategy}) for strategy in asked}
