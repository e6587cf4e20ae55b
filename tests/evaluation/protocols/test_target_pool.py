from __future__ import annotations

import pytest

from evaluation.protocols.target_pool import target_pool
from invariantselect.errors import PoolNotDivisibleError

DOMAINS = ["art"] * 7 + ["photo"] * 3
GROUPS = ["a", "a", "a", "b", "c", None, None, "a", "d", None]


def test_half_of_the_domains_groups_are_in_the_pool_and_the_others_ask() -> None:
    for seed in range(20):
        (fold,) = target_pool(DOMAINS, GROUPS, seed=seed, targets=["art"])
        queries = set(fold.queries.tolist())
        units = [{0, 1, 2}, {3}, {4}, {5}, {6}]
        asking = [unit for unit in units if unit <= queries]
        assert len(asking) == 3  # 5 // 2 are labelled
        assert set().union(*asking) == queries
        assert (7 in fold.left_out) == (0 in queries)
        assert {8, 9} <= set(fold.pool.tolist())


def test_every_half_comes_up_about_as_often() -> None:
    asked = [0] * 4
    for seed in range(400):
        (fold,) = target_pool(["art"] * 4 + ["photo"], [None] * 5, seed=seed, targets=["art"])
        for place in fold.queries.tolist():
            asked[place] += 1
    assert all(150 < count < 250 for count in asked)


def test_a_domain_of_one_group_cant_be_halved() -> None:
    with pytest.raises(PoolNotDivisibleError, match="'art' has one group only"):
        target_pool(["art", "art", "photo"], ["a", "a", None])


def test_one_domain_alone_is_enough() -> None:
    (fold,) = target_pool(["art", "art"], [None, None])
    assert len(fold.pool) == len(fold.queries) == 1
