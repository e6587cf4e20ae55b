from __future__ import annotations

import numpy as np
import pytest

from index.selection.query import ResolvedQuery, stored_query
from index.selection.select import select
from invariantselect.errors import InvalidFilterError, InvalidVectorError
from invariantselect.wire.options import Diversity, Exclusions, SelectionOptions
from tests.index.selection.memory_pool import MemoryPool, Record, Shape, random_query, random_records

SHAPE = Shape(size=600, palette=600, labels=6, domains=3, groups=40, hashes=10**6, dead=0.0)


@pytest.fixture
def pool() -> MemoryPool:
    return MemoryPool(random_records(SHAPE, seed=1), SHAPE.dim)


def on_a_circle(*degrees: float, **columns: list[str | None]) -> MemoryPool:
    angles = np.radians(degrees)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    records = [
        Record(
            f"d{n}",
            n,
            tuple(vector.tolist()),
            label=(columns.get("labels") or ["a"] * len(degrees))[n] or "a",
            group=(columns.get("groups") or [None] * len(degrees))[n],
            sha256=f"{n:064x}",
        )
        for n, vector in enumerate(vectors)
    ]
    return MemoryPool(records, 2)


EAST = ResolvedQuery(np.array([1.0, 0.0], dtype=np.float32))


def ids(pool: MemoryPool, query: ResolvedQuery = EAST, **options: object) -> list[str]:
    """Ids of the chosen, nearest first."""
    (chosen,) = select(pool, [query], SelectionOptions(order="nearest_first", **options))
    return pool.ids[chosen.positions].tolist()


def test_plain_nearest_is_one_small_search_for_the_whole_batch(pool: MemoryPool) -> None:
    queries = [random_query(pool.records, SHAPE.dim, seed) for seed in range(32)]
    select(pool, queries, SelectionOptions(k=7, where={"domain": {"not": "domain1"}}))
    assert pool.searches == [(32, 15)]


@pytest.mark.parametrize(
    "options",
    [
        SelectionOptions(label_balance="even"),
        SelectionOptions(label_balance="cover", max_per_group=1),
        SelectionOptions(max_per_domain=1, k=3),
        SelectionOptions(exclude=Exclusions(near_duplicates_above=0.3)),
        SelectionOptions(exclude=Exclusions(own_group=True)),
        SelectionOptions(diversity=Diversity(method="mmr")),
        SelectionOptions(diversity=Diversity(method="dpp", candidates=20), max_per_group=1),
    ],
)
def test_no_selection_ever_ranks_the_whole_pool(pool: MemoryPool, options: SelectionOptions) -> None:
    select(pool, [random_query(pool.records, SHAPE.dim, seed=3)], options)
    limits = [limit for _, limit in pool.searches]
    assert all(limit is not None and limit < SHAPE.size for limit in limits)
    assert len(limits) <= 8


def test_one_more_look_suffices_where_the_nearest_are_barred(pool: MemoryPool) -> None:
    """What is barred by position isn't met again, so that not even a query with hundreds of twins searches thrice."""
    query = random_query(pool.records, SHAPE.dim, seed=3)
    ranked = pool.search(query.vector[None], None, None)[0].positions
    options = SelectionOptions(k=7, order="nearest_first")
    for many in (3, 16, 300):
        pool.searches.clear()
        (chosen,) = select(pool, [ResolvedQuery(query.vector, barred=ranked[:many][::-1])], options)
        assert chosen.positions.tolist() == ranked[many : many + 7].tolist()
        assert pool.searches == [(1, 15)] * (1 if many < 9 else 2)


def test_a_stored_query_never_chooses_itself_nor_its_image_under_another_id() -> None:
    pool = on_a_circle(0, 0, 10)
    twin = MemoryPool([pool.records[0], Record("twin", 9, (1.0, 0.0), "a", sha256=f"{0:064x}"), *pool.records[1:]], 2)
    query = stored_query(twin, 0)
    assert (query.id, query.sha256, query.group) == ("d0", f"{0:064x}", None)
    assert ids(twin, query, k=4) == ["d1", "d2"]


def test_an_exact_copy_is_a_near_duplicate_at_1_though_float32_rounds_its_cosine_below() -> None:
    vector = np.float32([0.6, 0.8]) * np.float32(0.9999999)
    pool = MemoryPool([Record("copy", 0, tuple(vector.tolist()), "a"), Record("other", 1, (1.0, 0.0), "a")], 2)
    query = ResolvedQuery(vector)
    assert float(pool.search(vector[None], 1, None)[0].scores[0]) < 1.0
    assert ids(pool, query, k=2, exclude=Exclusions(near_duplicates_above=1.0)) == ["other"]


def test_equally_similar_ones_stand_in_the_order_of_their_ids() -> None:
    assert ids(on_a_circle(20, 10, 20, 10), k=3) == ["d1", "d3", "d0"]


def test_even_balance_gives_the_nearest_labels_one_each_when_k_is_smaller_than_their_number() -> None:
    pool = on_a_circle(1, 2, 3, 4, 5, 6, labels=["a", "a", "b", "b", "c", "d"])
    assert ids(pool, k=3, label_balance="even") == ["d0", "d2", "d4"]
    assert ids(pool, k=5, label_balance="even") == ["d0", "d1", "d2", "d4", "d5"]


def test_cover_takes_every_label_once_and_then_the_nearest() -> None:
    pool = on_a_circle(1, 2, 3, 40, 50, labels=["a", "a", "a", "b", "b"])
    assert ids(pool, k=4, label_balance="cover") == ["d0", "d1", "d2", "d3"]


def test_a_label_that_only_full_groups_could_give_is_not_waited_for() -> None:
    pool = on_a_circle(1, 2, 3, labels=["a", "b", "a"], groups=["g", "g", None])
    assert ids(pool, k=2, label_balance="even", max_per_group=1) == ["d0", "d2"]


def test_a_shortfall_is_told_and_never_padded() -> None:
    pool = on_a_circle(1, 2, 3, groups=["g", "g", "h"])
    (chosen,) = select(pool, [EAST], SelectionOptions(k=7, max_per_group=1))
    assert pool.ids[chosen.positions].tolist() == ["d2", "d0"]
    assert chosen.ranks.tolist() == [2, 1]
    assert chosen.shortfall == 5


def test_diversity_looks_past_its_candidates_only_where_they_fall_short() -> None:
    pool = on_a_circle(1, 2, 3, 90, 91, groups=["g", "g", "g", "h", None])
    mmr = Diversity(method="mmr", candidates=3, lambda_=0.1)
    assert ids(pool, k=2, diversity=mmr) == ["d0", "d2"]
    assert ids(pool, k=2, diversity=mmr, max_per_group=1) == ["d0", "d4"]
    assert ids(pool, k=5, diversity=mmr) == ["d0", "d1", "d2", "d3", "d4"]


def test_a_window_that_falls_short_grows_fourfold() -> None:
    pool = on_a_circle(1, 2, 3, 80, 90)
    assert ids(pool, k=2, diversity=Diversity(method="mmr", candidates=1, lambda_=0.0)) == ["d0", "d3"]


def test_a_stored_query_whose_image_is_unknown_is_barred_by_its_id() -> None:
    pool = on_a_circle(0, 10)
    assert ids(pool, ResolvedQuery(EAST.vector, id="d0"), k=2) == ["d1"]


def test_seeds_and_queries_draw_differently_and_each_repeats_itself(pool: MemoryPool) -> None:
    queries = [random_query(pool.records, SHAPE.dim, seed) for seed in range(8)]
    draws = [
        tuple(pool.ids[chosen.positions].tolist())
        for seed in (0, 1)
        for chosen in select(pool, queries, SelectionOptions(strategy="random", seed=seed))
    ]
    assert len(set(draws)) == 16
    again = select(pool, queries, SelectionOptions(strategy="random", seed=1))
    assert [tuple(pool.ids[chosen.positions].tolist()) for chosen in again] == draws[8:]


def test_the_random_strategy_chooses_each_demonstration_about_equally_often(pool: MemoryPool) -> None:
    queries = [ResolvedQuery(pool.vectors(np.array([n]))[0], id=f"outside{n}") for n in range(600)]
    counts = np.zeros(SHAPE.size)
    for chosen in select(pool, queries, SelectionOptions(strategy="random", k=50)):
        counts[chosen.positions] += 1
    assert counts.sum() == 30_000
    # χ² over 600 cells has mean 599 and standard deviation 35; drawing without replacement makes it smaller.
    assert ((counts - 50) ** 2 / 50).sum() < 800


def test_no_queries_get_no_answers_but_a_wrong_filter_is_still_refused(pool: MemoryPool) -> None:
    assert select(pool, [], SelectionOptions()) == []
    with pytest.raises(InvalidFilterError):
        select(pool, [], SelectionOptions(where={"colour": "red"}))


@pytest.mark.parametrize("vector", [np.ones(5), np.ones(7), np.array([np.nan] * 6), np.array([np.inf] * 6)])
@pytest.mark.parametrize("strategy", ["random", "topk_nearest"])
def test_a_vector_that_does_not_fit_the_pool_is_refused(pool: MemoryPool, vector: np.ndarray, strategy: str) -> None:
    query = ResolvedQuery(vector.astype(np.float32))
    with pytest.raises(InvalidVectorError):
        select(pool, [query], SelectionOptions(strategy=strategy))


def test_an_empty_pool_answers_with_a_shortfall() -> None:
    (chosen,) = select(MemoryPool([], 2), [EAST], SelectionOptions(label_balance="even", max_per_group=1))
    assert (len(chosen.positions), chosen.shortfall) == (0, 7)


def test_time_is_told_in_two_parts(pool: MemoryPool) -> None:
    (chosen,) = select(pool, [random_query(pool.records, SHAPE.dim, seed=3)], SelectionOptions())
    assert chosen.search_ms > 0
    assert chosen.select_ms > 0


@pytest.mark.parametrize(
    "diversity", [None, Diversity(method="mmr", candidates=30), Diversity(method="dpp", candidates=30)]
)
def test_a_choice_is_ended_by_whoever_checks_it_and_is_the_same_where_nobody_does(
    pool: MemoryPool, diversity: Diversity | None
) -> None:
    options = SelectionOptions(k=9, diversity=diversity)
    queries = [random_query(random_records(SHAPE, seed=1), SHAPE.dim, seed) for seed in range(3)]
    checked: list[int] = []
    watched = select(pool, queries, options, check=lambda: checked.append(1))
    for one, other in zip(watched, select(pool, queries, options), strict=True):
        assert one.positions.tolist() == other.positions.tolist()
    assert len(checked) >= len(queries) * (1 if diversity is None else options.k)

    def over() -> None:
        checked.append(1)
        if len(checked) == most:
            raise TimeoutError

    for most in range(1, len(checked) + 1):
        checked.clear()
        with pytest.raises(TimeoutError):
            select(pool, queries, options, check=over)
        assert len(checked) == most


def test_a_cap_that_k_can_not_reach_loads_no_more_vectors_than_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Shape(size=3000, palette=3000, labels=3, domains=3, groups=5000, hashes=10**6)
    pool = MemoryPool(random_records(shape, 1), shape.dim)
    query = random_query(pool.records, shape.dim, 2)
    loaded: list[int] = []
    real = pool.vectors
    monkeypatch.setattr(pool, "vectors", lambda positions: loaded.append(len(positions)) or real(positions))
    options = SelectionOptions(
        k=50, max_per_domain=1, where={"domain": {"not": None}}, diversity=Diversity(method="mmr", candidates=100)
    )
    (chosen,) = select(pool, [query], options)
    assert (len(chosen.positions), chosen.shortfall) == (3, 47)
    assert loaded == [100]


@pytest.mark.parametrize("far", [[], [40.0, 41.0], [179.0]])
@pytest.mark.parametrize("diversity", [None, Diversity(method="mmr", candidates=4)])
def test_where_nearly_all_are_near_duplicates_they_are_not_passed_one_by_one(
    far: list[float], diversity: Diversity | None
) -> None:
    pool = on_a_circle(*np.linspace(0, 8, 3000).tolist(), *far)  # cosines of 0.99 and more, as in X-rays
    found = ids(pool, k=2, exclude=Exclusions(near_duplicates_above=0.95), diversity=diversity)
    assert found == [f"d{3000 + number}" for number in range(len(far))]
    assert len(pool.searches) <= 3
