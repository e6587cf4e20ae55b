"""McNemar's exact test: do two strategies differ in how often they are right, on the same queries?

Only queries on which one is right and the other wrong say anything. Were both equally good, each of those would be a
toss of a fair coin.
Source: McNemar, Note on the Sampling Error of the Difference Between Correlated Proportions, 1947,
https://doi.org/10.1007/BF02295996; the exact form: Fay, Two-Sided Exact Tests and Matching Confidence Intervals for
Discrete Data, 2010, https://doi.org/10.32614/RJ-2010-008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

__all__ = ["McNemar", "mcnemar"]


@dataclass(frozen=True)
class McNemar:
    """What came out.

    Attributes:
        only_one: Queries on which only the one is right.
        only_other: Queries on which only the other is right.
        p_value: Two-sided: how often a fair coin would fall at least as unevenly; 1.0 without such queries.
    """

    only_one: int
    only_other: int
    p_value: float


def mcnemar(one: Bool[np.ndarray, " queries"], other: Bool[np.ndarray, " queries"]) -> McNemar:
    """The test on the answers of two strategies to the same queries.

    It takes queries for independent. Where patients have several images, `evaluation.statistics.bootstrap.difference`
    is the one to go by.

    Args:
        one: Whether the one is right, by query.
        other: Whether the other is.
    """
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    return McNemar(only_one, only_other, _two_sided(min(only_one, only_other), only_one + only_other))


def _two_sided(fewest: int, tosses: int) -> float:
    """2·P(X ≤ fewest) for X ~ Bin(tosses, ½), at most 1; in integers: nothing is rounded on the way."""
    ways = total = 1
    for number in range(fewest):
        ways = ways * (tosses - number) // (number + 1)
        total += ways
    # int / int is rounded rightly however long the two are.
    return min(1.0, 2 * total / (1 << tosses))
