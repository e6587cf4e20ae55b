from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.adaptation.turns import shuffled, turn


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.integers(0, 9), st.integers(1, 40))
def test_everyone_sits_equally_often_and_is_told_how_often_they_sat(
    members: int, seats: int, seed: int, times: int
) -> None:
    sat: Counter[int] = Counter(dict.fromkeys(range(members), 0))
    for number in range(times):
        who, how_often = turn(members, seats, number, seed)
        assert len(who) == seats
        at_once = Counter(who.tolist())
        assert max(at_once.values()) - min(at_once.get(member, 0) for member in range(members)) <= 1
        for member, before in zip(who.tolist(), how_often.tolist(), strict=True):
            assert before == sat[member]
            sat[member] += 1
        assert max(sat.values()) - min(sat.values()) <= 1


def test_every_two_meet_when_the_circle_is_shuffled() -> None:
    met = set()
    for number in range(200):
        who, _ = turn(6, 2, number, 0)
        met.add(frozenset(who.tolist()))
    assert len(met) == 15


def test_an_order_is_the_key_s_and_nothing_else_s() -> None:
    np.testing.assert_array_equal(shuffled(50, 1, 2), shuffled(50, 1, 2))
    assert sorted(shuffled(50, 1, 2).tolist()) == list(range(50))
    assert len({shuffled(50, *key).tobytes() for key in [(1, 2), (2, 1), (1, 3), (0, 0), (0, 1)]}) == 5
