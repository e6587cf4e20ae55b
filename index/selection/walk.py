"""Choosing in rank order: look at a little of the ranking, and at more only where the choice hangs on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int64

from index.selection.caps import has_room
from index.selection.frontier import Frontier
from index.selection.greedy import Candidates, Rules, greedy
from index.selection.searchable import Searchable

__all__ = ["choose_by_rank"]


def choose_by_rank(
    snapshot: Searchable, frontier: Frontier, rules: Rules, limit: int, check: Callable[[], None]
) -> Int64[np.ndarray, " m"]:
    """Numbers of the frontier's candidates that the greedy pass over the whole ranking takes.

    Each round runs the pass on what is known. Where it has to stop, the next `limit` of just those labels, groups and
    domains that may still be chosen are fetched, twice as many each round. Choices made before the stop stand: what is
    fetched ranks behind them.

    Args:
        snapshot: The pool.
        frontier: What is known of the query's ranking; extended in place.
        rules: k, label balance and caps.
        limit: How many to fetch in the first round.
        check: Called before each round; raises whatever shall end the choice.
    """
    while True:
        check()
        positions = frontier.positions
        candidates = Candidates(
            labels=frontier.strata(),
            groups=snapshot.groups.codes[positions],
            domains=snapshot.domains.codes[positions],
            known=frontier.known(),
        )
        chosen, behind = greedy(candidates, rules)
        if not behind.any():
            return np.array(chosen, dtype=np.int64)
        frontier.extend(behind, limit, _room(snapshot, rules, positions[chosen]))
        limit *= 2


def _room(snapshot: Searchable, rules: Rules, chosen: Int64[np.ndarray, " m"]) -> Bool[np.ndarray, " size"]:
    groups, domains = snapshot.groups.codes, snapshot.domains.codes
    room = has_room(groups, groups[chosen], rules.max_per_group)
    room &= has_room(domains, domains[chosen], rules.max_per_domain)
    return room
