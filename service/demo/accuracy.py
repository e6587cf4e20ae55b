"""How well seven demonstrations vote for the label of a query, by strategy and by domain of the query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evaluation.learners.vote import vote
from evaluation.statistics.accuracy import accuracy
from index.pool import Pool
from invariantselect.errors import InvariantSelectError
from invariantselect.wire import SelectionOptions
from invariantselect.wire.options import Strategy
from service.selecting.given_query import GivenQuery
from service.selecting.resolving import EmbedderOf
from service.selecting.selections import select_each

__all__ = ["STRATEGIES", "Asked", "DomainAccuracy", "K", "accuracy_by_domain"]

K = 7
STRATEGIES: tuple[Strategy, ...] = ("random", "topk_nearest", "invariant_select")
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Asked:
    """A query whose label is known.

    Attributes:
        image: Its file.
        label: The truth.
    """

    image: bytes
    label: str


@dataclass(frozen=True)
class DomainAccuracy:
    """Shares of a domain's queries for which the vote is right.

    Attributes:
        domain: Of the queries.
        by_strategy: The share by each strategy.
    """

    domain: str
    by_strategy: Mapping[Strategy, float]


def accuracy_by_domain(
    pool: Pool,
    asked: Mapping[str, Sequence[Asked]],
    embedder_of: EmbedderOf,
    strategies: Sequence[Strategy] = STRATEGIES,
    done: Callable[[int], None] = lambda _: None,
) -> list[DomainAccuracy]:
    """The accuracy of each strategy; nobody is told which domain a query is from.

    Args:
        pool: Where demonstrations are chosen from.
        asked: Domain → its queries.
        embedder_of: As for `service.selecting.selections.select_each`.
        strategies: Those that are compared.
        done: Told how many answers were added.
    """
    return [
        DomainAccuracy(
            domain, {strategy: _accuracy(pool, queries, strategy, embedder_of, done) for strategy in strategies}
        )
        for domain, queries in asked.items()
    ]


def _accuracy(
    pool: Pool, asked: Sequence[Asked], strategy: Strategy, embedder_of: EmbedderOf, done: Callable[[int], None]
) -> float:
    options = SelectionOptions(k=K, strategy=strategy)
    answers: list[str | None] = []
    for start in range(0, len(asked), _AT_ONCE):
        some = [GivenQuery(image=each.image) for each in asked[start : start + _AT_ONCE]]
        for selection in select_each(pool, some, options, embedder_of).here():
            if isinstance(selection, InvariantSelectError):
                raise selection
            chosen = selection.demonstrations
            answers.append(vote([each.label for each in chosen], [each.score for each in chosen]))
        done(len(some))
    return accuracy([each.label for each in asked], answers)
