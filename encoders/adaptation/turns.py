"""Whose turn it is: everyone equally often, in an order drawn anew each lap, known without the turns before."""

from __future__ import annotations

from math import gcd

import numpy as np
from jaxtyping import Int64

__all__ = ["shuffled", "turn"]


def shuffled(count: int, *key: int) -> Int64[np.ndarray, " count"]:
    """0 to count − 1 in an order that only the key decides (for one version of NumPy).

    Args:
        count: How many.
        key: Numbers of at least 0; always as many, as NumPy takes a 0 at the end for nothing.
    """
    return np.random.default_rng(key).permutation(count)


def turn(
    members: int, seats: int, number: int, *key: int
) -> tuple[Int64[np.ndarray, " seats"], Int64[np.ndarray, " seats"]]:
    """Who sits at a table of ``seats`` when it is laid for the ``number``-th time.

    The members stand in a circle; each time the next ones are seated. When everyone has sat equally often, which takes
    members / gcd(members, seats) times, the circle is shuffled. So after any number of times two members differ by at
    most one sitting; nobody sits twice at once while there are enough members; where there are more seats, everyone
    has the same number of them, give or take one.

    Args:
        members: How many there are, at least 1.
        seats: How many sit at once, at least 1.
        number: Of the time, from 0.
        key: Decides the orders, with numbers of at least 0.

    Returns:
        Who sits on each seat, and how often they sat before.
    """
    period = members // gcd(members, seats)
    lap, within = divmod(number, period)
    walked = within * seats + np.arange(seats)
    before = lap * (period * seats // members)
    return shuffled(members, *key, lap)[walked % members], before + walked // members
