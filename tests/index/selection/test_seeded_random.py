from __future__ import annotations

import numpy as np
import pytest

from index.selection.query import ResolvedQuery
from index.selection.seeded_random import SeededRandom, draw
from tests.index.selection.memory_pool import MemoryPool, Shape, random_records
from tests.index.selection.reference import drawn

SHAPE = Shape(size=900, palette=900, labels=2, domains=2, groups=2, hashes=10**6)
QUERY = ResolvedQuery(np.ones(SHAPE.dim, dtype=np.float32), id="q")


@pytest.mark.parametrize("limit", [1, 7, 300, 899, 900, 5000])
def test_any_beginning_of_the_order_is_the_beginning_of_the_whole_order(limit: int) -> None:
    records = random_records(SHAPE, seed=3)
    pool = MemoryPool(records, SHAPE.dim)
    allowed = np.arange(SHAPE.size) % 3 > 0
    living = [n for n, record in enumerate(records) if record.alive and n % 3 > 0]
    expected = sorted(living, key=lambda n: drawn(9, QUERY, records[n].row))[:limit]
    ranked = SeededRandom(pool, [QUERY], seed=9).alone(0, allowed, limit)
    assert ranked.positions.tolist() == expected
    assert ranked.exhausted == (limit > len(living))


def test_no_two_rows_draw_the_same_number() -> None:
    numbers = draw(2**63 - 1, QUERY.digest(), np.arange(200_000))
    assert len(np.unique(numbers)) == 200_000


def test_the_numbers_fill_their_range_evenly() -> None:
    counts, _ = np.histogram(draw(0, QUERY.digest(), np.arange(100_000)) / 2.0**64, bins=100, range=(0, 1))
    # χ² over 100 cells has mean 99 and standard deviation 14.
    assert ((counts - 1000) ** 2 / 1000).sum() < 170
