"""Choosing for diversity: among the first of the ranking, weighed against each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int64

from index.selection.caps import most_admitted
from index.selection.dpp import Dpp
from index.selection.frontier import Frontier
from index.selection.greedy import Candidates, Gain, Rules, greedy
from index.selection.mmr import Mmr
from index.selection.searchable import Searchable
from invariantselect.wire.options import Diversity

__all__ = ["SLACK", "choose_diverse"]

SLACK = 8
"""How many more than needed are fetched, so that the query and its copies among them seldom cost a second search."""

_WIDENING = 4


def choose_diverse(
    snapshot: Searchable, frontier: Frontier, rules: Rules, diversity: Diversity, check: Callable[[], None]
) -> Int64[np.ndarray, " m"]:
    """Numbers of the frontier's candidates that are chosen for relevance and variety, in the order they were taken.

    The choice is made among the first `diversity.candidates` of each stratum. Where fewer than k of them can be
    chosen although the pool has more, the window is widened fourfold and the choice made anew: a shortfall is only
    told where no window gives k, or one of the caps admits no more.

    Args:
        snapshot: The pool.
        frontier: What is known of the query's ranking; extended in place.
        rules: k, label balance and caps.
        diversity: Method, λ and the size of the window.
        check: Called before each step; raises whatever shall end the choice.
    """
    window, most = diversity.candidates, None
    while True:
        check()
        _fill(frontier, window, check)
        strata = frontier.strata()
        within = _first_of_each(strata, window)
        positions = frontier.positions[within]
        candidates = Candidates(
            labels=strata[within],
            groups=snapshot.groups.codes[positions],
            domains=snapshot.domains.codes[positions],
            known=np.full(len(frontier.incomplete()), len(positions) + 1),
        )
        chosen, _ = greedy(candidates, rules, _gain(snapshot, frontier, within, diversity), check)
        everything = len(within) == len(strata) and not frontier.incomplete().any()
        if len(chosen) == rules.k or everything:
            return within[chosen]
        if most is None:
            most = _most(snapshot, frontier, rules)
        if len(chosen) >= most:  # else the vectors of the whole pool would be loaded, in vain
            return within[chosen]
        window *= _WIDENING


def _most(snapshot: Searchable, frontier: Frontier, rules: Rules) -> int:
    """More than this can't be chosen, whatever the window."""
    allowed = frontier.allowed()
    return most_admitted(
        snapshot.groups.codes[allowed],
        snapshot.domains.codes[allowed],
        per_group=rules.max_per_group,
        per_domain=rules.max_per_domain,
    )


def _fill(frontier: Frontier, window: int, check: Callable[[], None]) -> None:
    """Extend the frontier until it knows the first `window` of each stratum."""
    for stratum in np.flatnonzero(frontier.incomplete()).tolist():
        check()
        only: Bool[np.ndarray, " strata"] = np.arange(len(frontier.incomplete())) == stratum
        limit = window + SLACK
        while frontier.incomplete()[stratum] and (held := int((frontier.strata() == stratum).sum())) < window:
            frontier.extend(only, max(limit - held, SLACK))
            limit *= 2


def _first_of_each(strata: Int64[np.ndarray, " n"], window: int) -> Int64[np.ndarray, " m"]:
    order = np.argsort(strata, kind="stable")
    starts = np.searchsorted(strata[order], strata[order], side="left")
    return np.sort(order[np.arange(len(strata)) - starts < window])


def _gain(snapshot: Searchable, frontier: Frontier, within: Int64[np.ndarray, " m"], diversity: Diversity) -> Gain:
    method = Mmr if diversity.method == "mmr" else Dpp
    return method(frontier.scores[within], snapshot.vectors(frontier.positions[within]), diversity.lambda_)
