"""What is evaluated: who asks whom, who chooses, how many, and how an encoder is adapted to a fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from encoders.adaptation.plan import Plan
from evaluation.leakage import NEAR_DUPLICATES_ABOVE, SAME_PICTURE_ABOVE
from evaluation.protocols.registry import Protocol
from invariantselect.errors import InvalidRequestError
from invariantselect.wire.options import MAX_K, Strategy

__all__ = ["ADAPTED", "CENTRED", "NONE", "EvaluationPlan", "StrategyRow"]

NONE = "none"
"""Strategy of the answers that are given without demonstrations."""
ADAPTED: Strategy = "invariant_select"
CENTRED = f"{ADAPTED}+centred"
"""Strategy of the answers where a fold's queries were centred by what they share themselves."""


class StrategyRow(NamedTuple):
    """Who chooses and how many: what every learner is asked with."""

    strategy: str
    shots: int


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated.

    Attributes:
        protocol: Who asks whom.
        shots: How many demonstrations, in the order of the table; 0 is one row, whatever the strategies.
        strategies: Who chooses them.
        targets: The domains that ask; None for all. Not of k-fold.
        folds: How many, of k-fold.
        queries: At most so many ask in each fold, drawn by the seed; None for all.
        centre_queries: Whether `CENTRED` takes part, beside `ADAPTED`.
        seed: Of folds, of the draw of queries, and of the strategy random.
        adaptation: How an encoder is adapted to each fold, for `ADAPTED`.

    Raises:
        InvalidRequestError: A value that can't be.
    """

    protocol: Protocol = "leave-one-domain-out"
    shots: tuple[int, ...] = (0, 1, 3, 5, 7)
    strategies: tuple[Strategy, ...] = ("random", "topk_nearest", ADAPTED)
    targets: tuple[str, ...] | None = None
    folds: int = 5
    queries: int | None = None
    centre_queries: bool = False
    seed: int = 0
    adaptation: Plan = field(default_factory=lambda: Plan(depth="closed_form"))

    def __post_init__(self) -> None:
        if not self.shots or len(set(self.shots)) < len(self.shots) or not all(0 <= n <= MAX_K for n in self.shots):
            raise InvalidRequestError(
                f"The shots {list(self.shots)} can't be evaluated.", hint=f"Name some from 0 to {MAX_K}, each once."
            )
        if len(set(self.strategies)) < len(self.strategies) or (self.most_shots and not self.strategies):
            raise InvalidRequestError("The strategies are none, or one is named twice.", hint="Name each once.")
        if self.queries is not None and self.queries < 1:
            raise InvalidRequestError("There is nobody to ask in a fold without queries.", hint="Give at least 1.")
        if self.centre_queries and not self.adapts:
            raise InvalidRequestError(
                f"Queries are centred for {ADAPTED}, which doesn't take part.", hint=f"Add the strategy {ADAPTED}."
            )

    @property
    def most_shots(self) -> int:
        """For how many a selection is made; fewer are the most similar of it, unless it is a random one."""
        return max(self.shots)

    @property
    def adapts(self) -> bool:
        """Whether an encoder has to be adapted to each fold."""
        return self.most_shots > 0 and ADAPTED in self.strategies

    @property
    def choosing(self) -> tuple[str, ...]:
        """The strategies as they stand in answers: those named, and `CENTRED` behind `ADAPTED`."""
        if not self.most_shots:
            return ()
        return tuple(
            name
            for strategy in self.strategies
            for name in ((strategy, CENTRED) if strategy == ADAPTED and self.centre_queries else (strategy,))
        )

    @property
    def rows(self) -> tuple[StrategyRow, ...]:
        """The rows of the table, before learners: zero shots first."""
        zero = [StrategyRow(NONE, 0)] if 0 in self.shots else []
        return (*zero, *(StrategyRow(name, n) for name in self.choosing for n in self.shots if n))

    def decisive(self) -> Mapping[str, Any]:
        """All that an answer hangs on besides its key, as JSON values: answers of two plans mix where this is equal.

        Neither strategies, targets nor learners are in it, so that one evaluation may be gone on with for more of them.
        """
        adaptation = self.adaptation
        return {
            "protocol": self.protocol,
            "folds": self.folds if self.protocol == "k-fold" else None,
            "most_shots": self.most_shots,
            "queries": self.queries,
            "seed": self.seed,
            "barred_above": [NEAR_DUPLICATES_ABOVE, SAME_PICTURE_ABOVE],
            "adaptation": {
                "depth": adaptation.depth,
                "objective": repr(adaptation.objective),
                "budget_seconds": adaptation.budget_seconds,
                "blocks": adaptation.finetune.blocks,
                "augmentation": asdict(adaptation.augmentation),
                "seed": adaptation.seed,
            },
        }
