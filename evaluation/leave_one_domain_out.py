"""Leave one domain out: how well do the other domains' demonstrations serve the queries of a new one?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from jaxtyping import Int64

from evaluation.learners.vote import vote
from evaluation.statistics.accuracy import accuracy, macro_accuracy, precision_at_k
from index.selection.query import stored_query
from index.selection.searchable import Searchable
from index.selection.select import select
from invariantselect.wire.options import SelectionOptions

__all__ = ["DomainFigures", "LeaveOneDomainOut", "leave_one_domain_out"]

_BATCH = 256


@dataclass(frozen=True)
class DomainFigures:
    """What came out with one domain left out.

    Attributes:
        domain: The domain that the queries come from and the demonstrations don't.
        queries: How many queries.
        accuracy: Share of the queries whose similarity-weighted vote is right.
        macro_accuracy: Mean recall over the labels present among the queries.
        precision: Mean share of the k demonstrations that have the query's label.
    """

    domain: str
    queries: int
    accuracy: float
    macro_accuracy: float
    precision: float


@dataclass(frozen=True)
class LeaveOneDomainOut:
    """What came out for each domain, by name; the means give every domain the same weight."""

    domains: tuple[DomainFigures, ...]

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the domains."""
        return fmean(figures.accuracy for figures in self.domains)

    @property
    def macro_accuracy(self) -> float:
        """Mean macro accuracy over the domains."""
        return fmean(figures.macro_accuracy for figures in self.domains)

    @property
    def precision(self) -> float:
        """Mean precision over the domains."""
        return fmean(figures.precision for figures in self.domains)


def leave_one_domain_out(snapshot: Searchable, options: SelectionOptions) -> LeaveOneDomainOut:
    """Take each domain's demonstrations in turn as queries to all the others.

    Demonstrations without a domain are never queries and always candidates. A domain that ``options.where`` shuts out
    of the pool still gives queries.

    Args:
        snapshot: A pool.
        options: How to choose; ``where`` gets the further condition that the query's domain is left out.

    Returns:
        Figures for each domain that has demonstrations; none for a pool without domains.
    """
    codes = np.where(snapshot.alive, snapshot.domains.codes, -1)
    by_name = sorted((snapshot.domains.values[code], code) for code in np.unique(codes[codes >= 0]).tolist())
    return LeaveOneDomainOut(
        tuple(_figures(snapshot, options, domain, np.flatnonzero(codes == code)) for domain, code in by_name)
    )


def _figures(
    snapshot: Searchable, options: SelectionOptions, domain: str, positions: Int64[np.ndarray, " queries"]
) -> DomainFigures:
    elsewhere = options.model_copy(update={"where": _outside(options.where, domain)})
    labels = np.array([*snapshot.labels.values, ""], dtype=object)[snapshot.labels.codes]
    truth: list[str] = labels[positions].tolist()
    retrieved: list[list[str]] = []
    answers: list[str | None] = []
    for start in range(0, len(positions), _BATCH):
        queries = [stored_query(snapshot, position) for position in positions[start : start + _BATCH].tolist()]
        for chosen in select(snapshot, queries, elsewhere):
            retrieved.append(labels[chosen.positions].tolist())
            answers.append(vote(retrieved[-1], chosen.scores.tolist()))
    return DomainFigures(
        domain=domain,
        queries=len(truth),
        accuracy=accuracy(truth, answers),
        macro_accuracy=macro_accuracy(truth, answers),
        precision=precision_at_k(truth, retrieved, options.k),
    )


def _outside(where: Mapping[str, object], domain: str) -> dict[str, object]:
    """`where` with the further condition that the domain is another one."""
    given = where.get("domain", {})
    condition: dict[str, object] = dict(given) if isinstance(given, dict) else {"eq": given}
    barred = condition.get("not", [])
    condition["not"] = [*(barred if isinstance(barred, list) else [barred]), domain]
    return {**where, "domain": condition}
