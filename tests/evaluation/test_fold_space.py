"""Choosing within a fold is choosing from a pool that has nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from encoders.adaptation.retrieval import nearest
from evaluation import fold_space
from evaluation.fold_space import FoldSpace
from index.selection.query import stored_query
from index.selection.searchable import Searchable
from index.selection.select import select
from invariantselect.wire.options import Diversity, Exclusions, SelectionOptions
from tests.index.selection.memory_pool import MemoryPool, Record, Shape, random_records

SHAPE = Shape(size=80, palette=25, labels=3, domains=3, groups=8, hashes=60)

OPTIONS = [
    SelectionOptions(k=5),
    SelectionOptions(k=5, strategy="random", seed=3),
    SelectionOptions(k=6, label_balance="even", max_per_group=1),
    SelectionOptions(k=4, diversity=Diversity(method="mmr", candidates=10)),
    SelectionOptions(k=3, exclude=Exclusions(near_duplicates_above=0.2)),
    SelectionOptions(k=50, where={"domain": {"not": "domain1"}}),
]


def only(records: list[Record], positions: set[int]) -> MemoryPool:
    return MemoryPool([replace(r, alive=r.alive and n in positions) for n, r in enumerate(records)], SHAPE.dim)


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
@pytest.mark.parametrize("seed", [0, 1])
def test_a_selection_is_that_from_a_pool_of_the_folds_own(options: SelectionOptions, seed: int) -> None:
    records = random_records(SHAPE, seed)
    snapshot = MemoryPool(records, SHAPE.dim)
    rng = np.random.default_rng(seed)
    fold = set(rng.choice(SHAPE.size, 50, replace=False).tolist())
    space = FoldSpace(snapshot, np.array(sorted(fold)), snapshot.vectors(np.arange(SHAPE.size)))
    assert isinstance(space, Searchable)
    positions = [n for n in np.flatnonzero(snapshot.alive).tolist() if n not in fold][:6]
    barred = [rng.choice(SHAPE.size, rng.integers(30), replace=False) for _ in positions]
    queries = [
        replace(stored_query(snapshot, position), barred=one) for position, one in zip(positions, barred, strict=True)
    ]
    for position, one, chosen in zip(positions, barred, select(space, queries, options), strict=True):
        query = stored_query(snapshot, position)
        # The reference has no room for the query itself, so its id isn't known there; its hash still bars copies.
        (expected,) = select(only(records, fold - set(one.tolist())), [query], options)
        assert chosen.positions.tolist() == expected.positions.tolist()
        assert chosen.scores == pytest.approx(expected.scores, abs=1e-6)
        assert set(chosen.positions.tolist()) <= fold - set(one.tolist())


def test_the_space_may_be_another_than_the_snapshots() -> None:
    records = random_records(SHAPE, 2)
    snapshot = MemoryPool(records, SHAPE.dim)
    turned = np.random.default_rng(0).normal(size=(SHAPE.size, 4)).astype(np.float32)
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    living = np.flatnonzero(snapshot.alive)
    space = FoldSpace(snapshot, living[5:], turned)
    query = replace(stored_query(snapshot, int(living[0])), vector=turned[living[0]], sha256=None)
    (chosen,) = select(space, [query], SelectionOptions(k=3, order="nearest_first"))
    scores = turned[living[5:]] @ query.vector
    far = float(np.median(scores))
    (distinct,) = select(space, [query], SelectionOptions(k=3, exclude=Exclusions(near_duplicates_above=far)))
    assert set(distinct.positions) == set(living[5:][scores < far - 1e-6][np.argsort(-scores[scores < far - 1e-6])[:3]])
    assert chosen.positions.tolist() == living[5:][np.argsort(-scores)[:3]].tolist()


def test_an_empty_fold_gives_nothing() -> None:
    snapshot = MemoryPool(random_records(SHAPE, 0), SHAPE.dim)
    space = FoldSpace(snapshot, np.empty(0, np.int64), snapshot.vectors(np.arange(SHAPE.size)))
    (chosen,) = select(space, [stored_query(snapshot, 0)], SelectionOptions(k=3))
    assert (len(chosen.positions), chosen.shortfall) == (0, 3)


@pytest.mark.parametrize("seed", range(6))
def test_a_search_finds_what_a_search_of_the_allowed_alone_does(seed: int) -> None:
    """To the last digit, ties too: of 25 different vectors here every one is there several times."""
    snapshot = MemoryPool(random_records(SHAPE, seed), SHAPE.dim)
    rng = np.random.default_rng(seed)
    vectors = snapshot.vectors(np.arange(SHAPE.size))
    positions = np.sort(rng.choice(SHAPE.size, 60, replace=False))
    space = FoldSpace(snapshot, positions, vectors)
    queries = vectors[rng.choice(SHAPE.size, 5)]
    for share in (0.0, 0.1, 0.5, 1.0):
        allowed = rng.random(SHAPE.size) < share
        here = [n for n in positions.tolist() if snapshot.alive[n] and allowed[n]]
        places = np.array(sorted(here, key=lambda n: snapshot.ids[n]), np.int64)
        for limit in (1, 7, 40, None):
            found = space.search(queries, limit, allowed)
            expected = nearest(queries, vectors[places], limit or SHAPE.size)
            for mine, row, scores in zip(found, expected.places, expected.scores, strict=True):
                assert mine.positions.tolist() == places[row[row >= 0]].tolist()
                assert mine.scores.tolist() == scores[row >= 0].tolist()


def test_the_pool_is_cast_once_however_often_it_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = MemoryPool(random_records(SHAPE, 3), SHAPE.dim)
    searched: list[np.ndarray] = []

    def seen(queries: np.ndarray, pool: np.ndarray, *args: object, **options: object) -> object:
        searched.append(pool)
        return nearest(queries, pool, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(fold_space, "nearest", seen)
    space = FoldSpace(snapshot, np.arange(40), snapshot.vectors(np.arange(SHAPE.size)))
    barred = np.arange(34)
    queries = [replace(stored_query(snapshot, int(n)), barred=barred) for n in np.flatnonzero(snapshot.alive)[:8]]
    select(space, queries, SelectionOptions(k=5))
    assert len(searched) > 1
    assert all(pool is searched[0] for pool in searched)
    assert searched[0].dtype == np.float64
