"""How well seven demonstrations vote for the label of a query whose domain the pool does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.metrics import accuracy
from evaluation.vote import vote
from index.selection.query import ResolvedQuery
from index.selection.select import select
from index.snapshot import Snapshot
from invariantselect.wire import SelectionOptions

__all__ = ["Asked", "DomainAccuracy", "accuracy_by_domain"]

K = 7


@dataclass(frozen=True, eq=False)
class Asked:
    """A query whose label is known."""

    query: ResolvedQuery
    label: str


@dataclass(frozen=True)
class DomainAccuracy:
    """Shares of a domain's queries for which the vote is right.

    Attributes:
        domain: Of the queries.
        random: With random demonstrations of the other domains.
        nearest: With the nearest demonstrations of the other domains.
        at_home: With the nearest demonstrations of the same domain: what the shift costs is the difference.
    """

    domain: str
    random: float
    nearest: float
    at_home: float


def accuracy_by_domain(snapshot: Snapshot, asked: Mapping[str, Sequence[Asked]]) -> list[DomainAccuracy]:
    """Each domain in turn as the one that the pool has never seen.

    Args:
        snapshot: Demonstrations of all domains; a filter hides the query's own.
        asked: Domain → its queries.
    """
    rows = []
    for domain, queries in asked.items():
        away = {"domain": {"not": domain}}
        rows.append(
            DomainAccuracy(
                domain,
                random=_accuracy(snapshot, queries, SelectionOptions(k=K, strategy="random", where=away)),
                nearest=_accuracy(snapshot, queries, SelectionOptions(k=K, where=away)),
                at_home=_accuracy(snapshot, queries, SelectionOptions(k=K, where={"domain": domain})),
            )
        )
    return rows


def _accuracy(snapshot: Snapshot, asked: Sequence[Asked], options: SelectionOptions) -> float:
    answers = [
        vote([snapshot.demonstration(position).label for position in chosen.positions.tolist()], chosen.scores.tolist())
        for chosen in select(snapshot, [each.query for each in asked], options)
    ]
    return accuracy([each.label for each in asked], answers)
