"""Work done ahead: in order, bounded in number and weight."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lookahead import ahead, batches


@given(
    weights=st.lists(st.integers(0, 9), max_size=40),
    depth=st.integers(1, 8),
    budget=st.integers(1, 30),
    threads=st.integers(1, 4),
)
def test_results_come_in_order_and_no_more_is_begun_than_allowed(weights, depth, budget, threads):
    begun: list[int] = []

    def items():
        for number, weight in enumerate(weights):
            begun.append(weight)
            yield number, weight

    taken = 0
    with ThreadPoolExecutor(threads) as executor:
        for number, _ in ahead(
            executor, lambda item: item, items(), depth=depth, weigh=lambda item: item[1], budget=budget
        ):
            assert number == taken
            waiting = begun[taken:]
            assert len(waiting) <= depth
            assert sum(waiting[:-1]) < budget
            taken += 1
    assert taken == len(weights)


@given(weights=st.lists(st.integers(0, 9), max_size=40), size=st.integers(1, 8), budget=st.integers(1, 30))
def test_batches_keep_everything_in_order_within_size_and_weight(weights, size, budget):
    made = list(batches(list(enumerate(weights)), size, weigh=lambda item: item[1], budget=budget))
    assert [item for batch in made for item in batch] == list(enumerate(weights))
    for batch in made:
        assert 0 < len(batch) <= size
        assert sum(weight for _, weight in batch[:-1]) < budget


def test_later_items_are_under_way_before_the_first_result_is_taken():
    together = threading.Barrier(3, timeout=20)

    def meet(item):
        together.wait()
        return item

    with ThreadPoolExecutor(3) as executor:
        assert list(ahead(executor, meet, range(6), depth=3)) == list(range(6))


def test_an_exception_stands_where_its_result_would():
    def inverse(number):
        return 1 / number

    with ThreadPoolExecutor(2) as executor:
        results = ahead(executor, inverse, [1, 2, 0, 4], depth=4)
        assert [next(results), next(results)] == [1, 0.5]
        with pytest.raises(ZeroDivisionError):
            next(results)
