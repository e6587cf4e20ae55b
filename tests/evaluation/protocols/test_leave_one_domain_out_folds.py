from __future__ import annotations

import pytest

from evaluation.protocols.leave_one_domain_out import leave_one_domain_out
from invariantselect.errors import PoolNotDivisibleError

DOMAINS = ["art", "photo", None, "sketch", "art", "photo"]
GROUPS = ["p1", "p2", "p3", "p1", None, "p4"]


def test_each_domain_asks_all_others_but_the_groups_it_shares() -> None:
    folds = leave_one_domain_out(DOMAINS, GROUPS)
    assert [(fold.name, fold.queries.tolist(), fold.pool.tolist(), fold.left_out.tolist()) for fold in folds] == [
        ("art", [0, 4], [1, 2, 5], [3]),
        ("photo", [1, 5], [0, 2, 3, 4], []),
        ("sketch", [3], [1, 2, 4, 5], [0]),
    ]


def test_targets_choose_the_domains_that_ask_and_their_order() -> None:
    folds = leave_one_domain_out(DOMAINS, GROUPS, targets=["sketch", "art"])
    assert [fold.name for fold in folds] == ["sketch", "art"]


@pytest.mark.parametrize(
    ("domains", "groups", "targets", "says"),
    [
        ([None, None], [None, None], None, "no image has a domain"),
        (["art", "art"], [None, None], None, "all images are of the domain 'art'"),
        (["art", "photo"], ["p", "p"], None, "share a group"),
        (["art", "photo"], [None, None], ["xray"], "no image has the domain 'xray'"),
        (["art", "photo"], [None, None], [], "none"),
        (["art", "photo"], [None, None], ["art", "art"], "twice"),
    ],
)
def test_what_cant_be_left_out_is_told_with_a_hint(
    domains: list[str | None], groups: list[str | None], targets: list[str] | None, says: str
) -> None:
    with pytest.raises(PoolNotDivisibleError, match=says) as caught:
        leave_one_domain_out(domains, groups, targets=targets)
    assert caught.value.hint


def test_images_without_a_domain_are_a_pool_for_the_only_one() -> None:
    (fold,) = leave_one_domain_out(["art", None, None], [None, None, None])
    assert (fold.queries.tolist(), fold.pool.tolist()) == ([0], [1, 2])
