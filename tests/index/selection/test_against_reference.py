"""The whole selection against the plain reference, over a thousand random pools and three thousand queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.selection.select import Chosen, select
from invariantselect.wire.options import Diversity, Exclusions, SelectionOptions
from tests.index.selection.memory_pool import MemoryPool, Shape, random_query, random_records
from tests.index.selection.reference import reference

SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2, "1", "x", "label0", "domain0", "group1"])
OPERATORS = st.fixed_dictionaries(
    {},
    optional={
        "eq": SCALARS,
        "in": st.lists(SCALARS, max_size=6),
        "not": SCALARS | st.lists(SCALARS, max_size=3),
    },
).filter(bool)
LABELS = st.lists(st.sampled_from(["label0", "label1", "label2", "nowhere"]), max_size=3)
CONDITIONS = st.one_of(SCALARS, OPERATORS, st.builds(lambda some: {"not": some}, LABELS))
WHERE = st.dictionaries(
    st.sampled_from(["label", "domain", "group", "metadata.a", "metadata.b.c"]), CONDITIONS, max_size=2
)

SHAPES = st.builds(
    Shape,
    size=st.integers(0, 90),
    palette=st.integers(1, 60),
    labels=st.integers(1, 9),
    domains=st.integers(1, 4),
    groups=st.integers(1, 12),
    hashes=st.sampled_from([3, 1000]),
    dead=st.sampled_from([0.0, 0.2, 0.9]),
)
CAPS = st.none() | st.none() | st.integers(1, 4)


@st.composite
def options(draw: st.DrawFn) -> SelectionOptions:
    strategy = draw(st.sampled_from(["random", "topk_nearest", "topk_nearest"]))
    diversity = None
    if strategy == "topk_nearest" and draw(st.booleans()):
        method = draw(st.sampled_from(["mmr", "dpp"]))
        lambdas = [0.0, 0.3, 0.7, 0.95] + ([1.0] if method == "mmr" else [])
        diversity = Diversity(
            method=method, lambda_=draw(st.sampled_from(lambdas)), candidates=draw(st.integers(1, 30))
        )
    return SelectionOptions(
        k=draw(st.integers(1, 12) | st.just(100)),
        strategy=strategy,
        where=draw(st.just({}) | WHERE),
        label_balance=draw(st.sampled_from(["none", "even", "cover"])),
        max_per_group=draw(CAPS),
        max_per_domain=draw(CAPS),
        diversity=diversity,
        order=draw(st.sampled_from(["nearest_last", "nearest_first", "interleaved", "shuffled"])),
        exclude=Exclusions(
            ids=draw(st.lists(st.sampled_from(["d0", "d1", "d2", "unknown"]), max_size=3)),
            near_duplicates_above=draw(st.none() | st.sampled_from([-1.0, 0.2, 0.7, 0.95, 1.0])),
            own_group=draw(st.booleans()),
        ),
        seed=draw(st.sampled_from([0, 1, 2**63 - 1])),
    )


def answer(pool: MemoryPool, chosen: Chosen) -> tuple[list[tuple[str, float, int]], int]:
    ids = pool.ids[chosen.positions].tolist()
    return list(zip(ids, chosen.scores.tolist(), chosen.ranks.tolist(), strict=True)), chosen.shortfall


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=SHAPES, seed=st.integers(0, 2**32), options=options())
def test_selections_are_what_the_reference_chooses(shape: Shape, seed: int, options: SelectionOptions) -> None:
    records = random_records(shape, seed)
    pool = MemoryPool(records, shape.dim)
    queries = [random_query(records, shape.dim, seed + number) for number in range(3)]
    expected = [reference(records, query, options) for query in queries]
    assert [answer(pool, chosen) for chosen in select(pool, queries, options)] == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=SHAPES, seed=st.integers(0, 2**32), options=options())
def test_queries_get_the_same_answer_alone_and_in_a_batch(shape: Shape, seed: int, options: SelectionOptions) -> None:
    records = random_records(shape, seed)
    pool = MemoryPool(records, shape.dim)
    queries = [random_query(records, shape.dim, seed + number) for number in range(3)]
    together = [answer(pool, chosen) for chosen in select(pool, queries, options)]
    alone = [answer(pool, chosen) for query in queries for chosen in select(pool, [query], options)]
    assert together == alone


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=SHAPES, seed=st.integers(0, 2**32), options=options())
def test_where_things_are_stored_changes_nothing(shape: Shape, seed: int, options: SelectionOptions) -> None:
    records = random_records(shape, seed)
    query = random_query(records, shape.dim, seed + 1)
    before = MemoryPool(records, shape.dim)
    # What sealing and merging do: dead rows go, the others move to other positions.
    moved = [record for record in records if record.alive]
    np.random.default_rng(seed).shuffle(moved)
    after = MemoryPool(moved, shape.dim)
    assert answer(before, *select(before, [query], options)) == answer(after, *select(after, [query], options))


@pytest.mark.parametrize("balance", ["none", "even", "cover"])
@pytest.mark.parametrize("strategy", ["random", "topk_nearest"])
def test_a_choice_deep_in_a_large_pool_is_exact(balance: str, strategy: str) -> None:
    shape = Shape(size=2000, palette=900, labels=40, domains=5, groups=30, hashes=10**6)
    records = random_records(shape, seed=7)
    # One group holds everything near: the walk has to go far past it.
    crowd = sorted(records, key=lambda record: -record.vector[0])[:1500]
    crowded = {record.id for record in crowd}
    records = [replace(record, group="crowd") if record.id in crowded else record for record in records]
    pool = MemoryPool(records, shape.dim)
    for seed in range(6):
        query = random_query(records, shape.dim, seed)
        options = SelectionOptions(k=9, strategy=strategy, label_balance=balance, max_per_group=1, seed=seed)
        assert answer(pool, *select(pool, [query], options)) == reference(records, query, options)
