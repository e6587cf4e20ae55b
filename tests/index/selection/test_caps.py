"""What two caps admit together."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.selection.caps import most_admitted

CAPS = st.none() | st.integers(1, 3)
CODES = st.integers(-1, 2)


def fits(codes: tuple[int, ...], cap: int | None) -> bool:
    return cap is None or all(codes.count(code) <= cap for code in codes if code >= 0)


@given(st.lists(st.tuples(CODES, CODES), max_size=8), CAPS, CAPS, st.booleans())
def test_no_more_fit_than_are_told_and_as_many_where_groups_are_nested(
    candidates: list[tuple[int, int]], per_group: int | None, per_domain: int | None, nested: bool
) -> None:
    if nested:  # a group is of one domain
        candidates = [(group, group % 2 if group >= 0 else domain) for group, domain in candidates]
    most = 0
    for size in range(len(candidates) + 1):
        for chosen in itertools.combinations(candidates, size):
            groups, domains = (tuple(each[axis] for each in chosen) for axis in (0, 1))
            if fits(groups, per_group) and fits(domains, per_domain):
                most = size
                break
    codes = np.array(candidates, dtype=np.int32).reshape(-1, 2)
    told = most_admitted(codes[:, 0], codes[:, 1], per_group=per_group, per_domain=per_domain)
    assert told >= most
    if nested:
        assert told == most
