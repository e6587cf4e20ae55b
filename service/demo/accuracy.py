"""How well seven demonstrations vote for the label of a query whose domain the pool does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from index.pool import Pool
from invariantselect.wire import SelectionOptions
from service.embedding import Embedded

__all__ = ["Asked", "DomainAccuracy", "accuracy_by_domain"]

K = 7


@dataclass(frozen=True, eq=False)
class Asked:
    """A query whose label is known.

    Attributes:
        image: The query, embedded.
        label: Its true label.
    """

    image: Embedded
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


def accuracy_by_domain(pool: Pool, queries: Mapping[str, Sequence[Asked]]) -> list[DomainAccuracy]:
    """Each domain in turn as the one that the pool has never seen.

    Args:
        pool: Demonstrations of all domains; a filter hides the query's own.
        queries: Domain → its queries.
    """
    rows = []
    for domain, asked in queries.items():
        away = {"domain": {"not": domain}}
        rows.append(
            DomainAccuracy(
                domain,
                random=_accuracy(pool, asked, SelectionOptions(k=K, strategy="random", where=away)),
                nearest=_accuracy(pool, asked, SelectionOptions(k=K, where=away)),
                at_home=_accuracy(pool, asked, SelectionOptions(k=K, where={"domain": domain})),
            )
        )
    return rows
