"""Search is exact: the same answers as sorting every score, wherever vectors lie and however many tie."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.inner_products import rounding_of_scan, rowwise_products, scores_of
from index.scan import within_rounding
from index.search import Sources
from index.segments import open_segment, write_segment
from index.tail import Tail
from invariantselect.errors import InvalidVectorError
from tests.index.entries import entry, make_pool, vector_of_image
from tests.index.model import answers, exact_score

DIM = 40
SEALED, MORE, UNSEALED = 1500, 900, 700
SIZE = SEALED + MORE + UNSEALED


def normalised(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@functools.cache
def scene() -> tuple[Sources, np.ndarray, np.ndarray]:
    """Two segments and a tail: scattered vectors, exact copies, and vectors that differ in their last bits."""
    generator = np.random.default_rng(5)
    vectors = normalised(generator.standard_normal((SIZE, DIM)))
    crowd = generator.choice(SIZE, 1200, replace=False)
    vectors[crowd] = vectors[crowd[0]]
    nearly = crowd[600:1000]
    vectors[nearly, 3] = np.nextafter(vectors[nearly, 3], np.float32(9))
    folder = Path(tempfile.mkdtemp())
    parts = np.split(np.arange(SIZE), [SEALED, SEALED + MORE])
    segments = tuple(
        open_segment(folder, write_segment(folder, [(rows, vectors[rows])], DIM), DIM) for rows in parts[:2]
    )
    ids = np.empty(SIZE, object)
    ids[:] = [f"id-{number:05d}" for number in generator.permutation(SIZE)]
    return Sources(segments, Tail(DIM).extended(vectors[parts[2]])), vectors, ids


def by_sorting(vectors, query, ids, limit, allowed):
    positions = np.flatnonzero(allowed)
    scores = (vectors[positions].astype(np.float64) * query.astype(np.float64)).sum(axis=1).astype(np.float32)
    order = sorted(range(len(positions)), key=lambda n: (-scores[n], ids[positions[n]]))[:limit]
    return positions[order].tolist()


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.sampled_from([1, 2, 3, 4, 9]),
    limit=st.sampled_from([1, 2, 7, 50, 600, 1300, SIZE, 2 * SIZE, None]),
    share=st.sampled_from([0.0, 0.001, 0.05, 0.3, 0.7, 0.99, 1.0, None]),
    at_the_crowd=st.booleans(),
)
def test_any_search_answers_as_sorting_all_scores_would(seed, batch, limit, share, at_the_crowd):
    sources, vectors, ids = scene()
    generator = np.random.default_rng(seed)
    queries = normalised(generator.standard_normal((batch, DIM)))
    if at_the_crowd:
        queries[0] = vectors[generator.integers(SIZE)]
    allowed = None if share is None else generator.random(SIZE) < share
    found = sources.nearest(queries, limit, allowed, ids)
    everywhere = np.ones(SIZE, bool) if allowed is None else allowed
    for query, neighbours in zip(queries, found, strict=True):
        assert neighbours.positions.tolist() == by_sorting(vectors, query, ids, limit, everywhere)
        for position, score in zip(neighbours.positions[:5], neighbours.scores[:5], strict=True):
            assert score == exact_score(vectors[position], query)


def test_ties_that_reach_beyond_the_limit_are_settled_by_id():
    sources, vectors, ids = scene()
    distinct, counts = np.unique(vectors, axis=0, return_counts=True)
    query = distinct[np.argmax(counts)]
    scores = np.array([exact_score(vector, query) for vector in vectors])
    tied = np.flatnonzero(scores == scores.max())
    assert len(tied) > 500
    for limit in (1, 5, 300):
        (found,) = sources.nearest(query[np.newaxis], limit, None, ids)
        assert ids[found.positions].tolist() == sorted(ids[tied])[:limit]


def test_a_vector_scores_the_same_sealed_or_not_alone_or_in_a_batch(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry(f"{number:04d}") for number in range(1200)])
    generator = np.random.default_rng(0)
    queries = normalised(generator.standard_normal((6, 16)))
    before = [answers(pool.snapshot(), query, 700) for query in queries]
    pool.seal()
    pool.write([entry("later")])
    assert len(pool.snapshot().sources.segments) == 1
    after = pool.snapshot().search(queries, 700)
    snapshot = pool.snapshot()
    for alone, batched in zip(before, after, strict=True):
        pairs = zip(snapshot.ids[batched.positions].tolist(), batched.scores.tolist(), strict=True)
        assert [pair for pair in pairs if pair[0] != "later"][:690] == alone[:690]


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 70))
@settings(max_examples=40, deadline=None)
def test_a_score_hangs_on_the_two_vectors_alone(seed, dim, count):
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((count, dim)).astype(np.float32)
    query = generator.standard_normal(dim).astype(np.float32)
    together = rowwise_products(rows, query)
    one_by_one = [rowwise_products(row[np.newaxis].copy(), query)[0] for row in rows]
    assert together.tolist() == one_by_one
    batch = scores_of(rows, np.stack([query, rows[0]]))
    np.testing.assert_array_equal(batch[0], together.astype(np.float32))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 8, 129, 1280]), st.floats(1e-3, 1e3))
@settings(max_examples=40, deadline=None)
def test_a_float32_product_is_never_further_from_the_score_than_the_bound(seed, dim, scale):
    generator = np.random.default_rng(seed)
    rows = (scale * generator.standard_normal((50, dim))).astype(np.float32)
    query = generator.standard_normal(dim).astype(np.float32)
    bound = rounding_of_scan(np.linalg.norm(query).item(), np.linalg.norm(rows, axis=1).max().item(), dim)
    exact = np.array([exact_score(row, query) for row in rows])
    one_after_another = np.array([functools.reduce(lambda a, b: np.float32(a + b), row * query) for row in rows])
    for rounded in (rows @ query, (query[np.newaxis] @ rows.T)[0], one_after_another):
        assert np.abs(rounded - exact).max() <= bound


def test_products_within_rounding_of_the_worst_stay_candidates():
    products = np.array([0.5, 0.9, 0.8, 0.79, 0.7], dtype=np.float32)
    assert within_rounding(products, 2, 0.0).tolist() == [1, 2]
    assert within_rounding(products, 2, 0.01).tolist() == [1, 2, 3]
    assert within_rounding(products, 9, 0.0).tolist() == [0, 1, 2, 3, 4]


def test_an_empty_pool_finds_nothing(tmp_path):
    snapshot = make_pool(tmp_path).snapshot()
    (found,) = snapshot.search(np.eye(1, 16, dtype=np.float32), 3)
    assert (len(found.positions), snapshot.size) == (0, 0)


def test_what_is_not_allowed_or_not_alive_is_never_found(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry(id) for id in "abcd"])
    pool.seal()
    pool.delete(["b"])
    snapshot = pool.snapshot()
    allowed = np.isin(snapshot.ids, ["a", "b"])
    assert [id for id, _ in answers(snapshot, vector_of_image(b"image of b"), None, allowed)] == ["a"]


@pytest.mark.parametrize("bad", [np.zeros(16), np.full(16, np.inf), np.ones(15)])
def test_a_query_that_has_no_direction_is_refused(tmp_path, bad):
    snapshot = make_pool(tmp_path).snapshot()
    with pytest.raises(InvalidVectorError):
        snapshot.search(bad.astype(np.float32)[np.newaxis], 1)
