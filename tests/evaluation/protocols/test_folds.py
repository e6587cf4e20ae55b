"""No group on both sides, nobody lost, and exactly those ask who should."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evaluation.protocols.fold import Fold, units_of
from evaluation.protocols.registry import Protocol, folds_of
from invariantselect.errors import PoolNotDivisibleError

Columns = tuple[list[str], list[str | None], list[str | None]]

_ROWS = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["art", "photo", "sketch", None]), st.sampled_from(["p", "q", "r", None])
)


def columns_of(rows: list[tuple[str, str | None, str | None]]) -> Columns:
    labels, domains, groups = zip(*rows, strict=True)
    return list(labels), list(domains), list(groups)


def groups_at(groups: list[str | None], places: list[int]) -> set[str]:
    return {group for place in places if (group := groups[place]) is not None}


def assert_sound(fold: Fold, groups: list[str | None]) -> None:
    pool, queries, left_out = fold.pool.tolist(), fold.queries.tolist(), fold.left_out.tolist()
    assert pool
    assert queries
    assert sorted(pool + queries + left_out) == list(range(len(groups)))
    assert groups_at(groups, pool).isdisjoint(groups_at(groups, queries))
    assert all(groups[place] in groups_at(groups, queries) for place in left_out)
    for places in (pool, queries, left_out):
        assert places == sorted(places)


@given(
    st.sampled_from(["leave-one-domain-out", "target-pool", "k-fold"]),
    st.lists(_ROWS, min_size=1, max_size=14),
    st.integers(0, 3),
)
def test_every_fold_is_sound_or_the_pool_cant_be_divided_so(
    protocol: Protocol, rows: list[tuple[str, str | None, str | None]], seed: int
) -> None:
    labels, domains, groups = columns_of(rows)
    try:
        folds = folds_of(protocol, labels, domains, groups, seed=seed, folds=3)
    except PoolNotDivisibleError:
        return
    again = folds_of(protocol, labels, domains, groups, seed=seed, folds=3)
    assert len({fold.name for fold in folds}) == len(folds)
    for fold, same in zip(folds, again, strict=True):
        assert_sound(fold, groups)
        assert (fold.name, fold.pool.tolist(), fold.queries.tolist()) == (
            same.name,
            same.pool.tolist(),
            same.queries.tolist(),
        )
        known = {labels[place] for place in fold.pool.tolist()}
        assert fold.unanswerable(labels) == sum(labels[place] not in known for place in fold.queries.tolist())


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12))
def test_units_are_groups_and_lonely_images(groups: list[str | None]) -> None:
    units = units_of(groups).tolist()
    assert sorted(set(units)) == list(range(len(set(units))))
    for one, unit in enumerate(units):
        for other, another in enumerate(units):
            assert (unit == another) == (one == other or (groups[one] is not None and groups[one] == groups[other]))
