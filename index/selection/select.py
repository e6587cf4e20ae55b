"""The way from queries to demonstrations, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from jaxtyping import Bool, Float32, Int64

from index.selection.exclude import Barrier, bar_ids
from index.selection.filter import allowed
from index.selection.frontier import Frontier, Strata
from index.selection.greedy import Rules, go_on
from index.selection.order import prompt_order
from index.selection.query import ResolvedQuery
from index.selection.ranking import Ranking
from index.selection.searchable import Searchable
from index.selection.seeded_random import SeededRandom, draw
from index.selection.topk_nearest import TopkNearest
from index.selection.walk import choose_by_rank
from index.selection.window import SLACK, choose_diverse
from invariantselect.errors import InvalidVectorError
from invariantselect.wire.options import SelectionOptions

__all__ = ["Chosen", "select"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """The demonstrations for one query, in prompt order.

    Attributes:
        positions: Positions in the snapshot.
        scores: Cosine similarities to the query.
        ranks: 1 for the most similar of the chosen, ties by id.
        shortfall: k minus the number of demonstrations.
        search_ms: Milliseconds spent in search; of a search for several queries, its share.
        select_ms: Milliseconds spent on everything else, likewise.
    """

    positions: Int64[np.ndarray, " m"]
    scores: Float32[np.ndarray, " m"]
    ranks: Int64[np.ndarray, " m"]
    shortfall: int
    search_ms: float
    select_ms: float


def select(
    snapshot: Searchable,
    queries: Sequence[ResolvedQuery],
    options: SelectionOptions,
    *,
    check: Callable[[], None] = go_on,
) -> list[Chosen]:
    """Choose demonstrations for each query.

    The same query, options and snapshot give the same answer, alone and in a batch, before and after segments were
    sealed or merged.

    Args:
        snapshot: The pool.
        queries: Any number; what they can share, they search together.
        options: How to choose.
        check: Called before each search and each step of a diverse choice; raises whatever shall end it all.

    Returns:
        One answer for each query, in their order. It holds fewer than k demonstrations where no more may be chosen.

    Raises:
        InvalidFilterError: ``options.where`` names an unknown field or operator, or a value of the wrong type.
        InvalidVectorError: A query's vector has another length than the pool's, or isn't finite.
    """
    began = perf_counter()
    _check(snapshot, queries)
    mask = bar_ids(snapshot, allowed(snapshot, options.where), options.exclude.ids)
    if not queries:
        return []
    frontiers = _open(snapshot, queries, options, mask, check)
    shared = sum(frontier.search_seconds for frontier in frontiers)
    preparation = (perf_counter() - began - shared) / len(queries)
    return [
        _choose(snapshot, query, options, frontier, preparation, check=check)
        for query, frontier in zip(queries, frontiers, strict=True)
    ]


def _check(snapshot: Searchable, queries: Sequence[ResolvedQuery]) -> None:
    for query in queries:
        if query.vector.shape != (snapshot.dim,):
            raise InvalidVectorError(f"the query has {query.vector.size} numbers, the pool's vectors {snapshot.dim}")
        if not np.isfinite(query.vector).all():
            raise InvalidVectorError("the query's vector holds a number that is not finite")


def _open(
    snapshot: Searchable,
    queries: Sequence[ResolvedQuery],
    options: SelectionOptions,
    mask: Bool[np.ndarray, " size"],
    check: Callable[[], None],
) -> list[Frontier]:
    """A frontier for each query, with the part of the pool looked at that nearly every selection needs."""
    ranking: Ranking = (
        SeededRandom(snapshot, queries, options.seed)
        if options.strategy == "random"
        else TopkNearest(snapshot, queries)
    )
    strata = _strata(snapshot, options, mask)
    frontiers = [
        Frontier(ranking, number, strata, mask, Barrier(snapshot, query, options.exclude))
        for number, query in enumerate(queries)
    ]
    parts = [strata.present]
    if options.diversity is not None:
        parts = [np.arange(len(strata.present)) == stratum for stratum in np.flatnonzero(strata.present)]
    for part in parts:
        check()
        began = perf_counter()
        found = ranking.together(mask & part[strata.codes], _first_limit(options))
        share = (perf_counter() - began) / len(queries)
        for frontier, ranked in zip(frontiers, found, strict=True):
            frontier.add(ranked, part)
            frontier.search_seconds += share
    return frontiers


def _strata(snapshot: Searchable, options: SelectionOptions, mask: Bool[np.ndarray, " size"]) -> Strata:
    if options.label_balance == "none":
        return Strata(np.zeros(snapshot.size, dtype=np.int64), np.array([mask.any()]))
    missing = len(snapshot.labels.values)
    codes = np.where(snapshot.labels.codes < 0, missing, snapshot.labels.codes).astype(np.int64)
    return Strata(codes, np.bincount(codes[mask], minlength=missing + 1) > 0)


def _first_limit(options: SelectionOptions) -> int:
    if options.diversity is not None:
        return options.diversity.candidates + SLACK
    plain = options.label_balance == "none" and options.max_per_group is None and options.max_per_domain is None
    return options.k + SLACK if plain else 4 * (options.k + SLACK)


def _choose(
    snapshot: Searchable,
    query: ResolvedQuery,
    options: SelectionOptions,
    frontier: Frontier,
    preparation: float,
    *,
    check: Callable[[], None],
) -> Chosen:
    check()
    began, searched = perf_counter(), frontier.search_seconds
    rules = Rules(options.k, options.label_balance, options.max_per_group, options.max_per_domain)
    if options.diversity is None:
        taken = choose_by_rank(snapshot, frontier, rules, _first_limit(options), check)
    else:
        taken = choose_diverse(snapshot, frontier, rules, options.diversity, check)
    positions, scores = frontier.positions[taken], frontier.scores[taken]
    by_score = np.lexsort((snapshot.ids[positions].astype(str), -scores))
    positions, scores = positions[by_score], scores[by_score]
    drawn = draw(options.seed, query.digest(), snapshot.rows[positions])
    prompt = prompt_order(options.order, snapshot.labels.codes[positions], drawn)
    own_search = frontier.search_seconds - searched
    return Chosen(
        positions=positions[prompt],
        scores=scores[prompt],
        ranks=(prompt + 1).astype(np.int64),
        shortfall=options.k - len(positions),
        search_ms=1e3 * frontier.search_seconds,
        select_ms=1e3 * (preparation + perf_counter() - began - own_search),
    )
