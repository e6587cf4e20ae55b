"""Are two batches of vectors drawn from the same distribution? The energy distance, with a permutation test.

It sees any difference of distributions, has nothing to tune (a kernel test has a bandwidth), and its test is exact
for any sample size.
Sources: Székely and Rizzo, Energy Statistics: A Class of Statistics Based on Distances, 2013,
https://doi.org/10.1016/j.jspi.2013.03.018, the coefficient H in their section 4; Phipson and Smyth, Permutation
P-values Should Never Be Zero, 2010, https://doi.org/10.2202/1544-6115.1585. Its kinship with the maximum mean
discrepancy (Gretton et al. 2012): Sejdinovic et al. 2013, https://arxiv.org/abs/1207.6076.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

__all__ = ["MOST", "PERMUTATIONS", "EnergyTest", "energy_test"]

MOST = 1000
PERMUTATIONS = 999


@dataclass(frozen=True)
class EnergyTest:
    """What came out.

    Attributes:
        effect: H = (2·E|X−Y| − E|X−X′| − E|Y−Y′|) / (2·E|X−Y|), from 0 (the same distribution) to 1 (two points apart).
            Small samples of one distribution lie above 0, too; see `usual_effect`.
        usual_effect: Median of H over the permutations: what samples of this size give where there is no shift.
        p_value: Share of the permutations with at least this distance, the sample itself among them.
        samples: How many images of either side were compared.
    """

    effect: float
    usual_effect: float
    p_value: float
    samples: tuple[int, int]


def energy_test(
    one: Float32[np.ndarray, "m dim"],
    other: Float32[np.ndarray, "n dim"],
    *,
    one_units: Int64[np.ndarray, " m"] | None = None,
    other_units: Int64[np.ndarray, " n"] | None = None,
    most: int = MOST,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> EnergyTest:
    """The test of one batch against another.

    Of each patient one image is drawn, for the test takes images for independent; and of what is left at most `most`
    of either side, for all are compared with all.

    Args:
        one: (m, dim), at least one.
        other: (n, dim), at least one.
        one_units: Number of each image's group; None where every image is one of its own.
        other_units: Likewise of the other.
        most: How many of either side at most.
        permutations: How many; the smallest p-value there is is 1 / (permutations + 1).
        seed: Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    some, others = _drawn(one, one_units, most, rng), _drawn(other, other_units, most, rng)
    m, n = len(some), len(others)
    distances = _distances(np.concatenate([some, others]).astype(np.float64))
    sides = np.zeros((permutations + 1, m + n))
    sides[:, :m] = 1.0
    sides[1:] = rng.permuted(sides[1:], axis=1)
    energy, between = _energies(distances, sides, m, n)
    effects = np.divide(energy, 2.0 * between, out=np.zeros_like(energy), where=between > 0)
    # A tenth digit lost in summing must not make a permutation that is the sample itself look smaller.
    at_least = int((energy[1:] >= energy[0] - 1e-12).sum())
    return EnergyTest(
        effect=float(np.clip(effects[0], 0.0, 1.0)),
        usual_effect=float(np.clip(np.median(effects[1:]), 0.0, 1.0)),
        p_value=(1 + at_least) / (permutations + 1),
        samples=(m, n),
    )


def _energies(
    distances: Float64[np.ndarray, "all all"], sides: Float64[np.ndarray, "divisions all"], m: int, n: int
) -> tuple[Float64[np.ndarray, " divisions"], Float64[np.ndarray, " divisions"]]:
    """2·E|X−Y| − E|X−X′| − E|Y−Y′| and E|X−Y| for each division of all images into two sides of m and n."""
    to_one = sides @ distances
    within_one = np.einsum("da,da->d", to_one, sides)
    across = to_one.sum(axis=1) - within_one
    within_other = distances.sum() - within_one - 2.0 * across
    between: Float64[np.ndarray, " divisions"] = across / (m * n)
    return 2.0 * between - within_one / m**2 - within_other / n**2, between


def _distances(vectors: Float64[np.ndarray, "all dim"]) -> Float64[np.ndarray, "all all"]:
    squares = np.einsum("nd,nd->n", vectors, vectors)
    squared = squares[:, None] + squares[None, :] - 2.0 * (vectors @ vectors.T)
    np.fill_diagonal(squared, 0.0)
    distances: Float64[np.ndarray, "all all"] = np.sqrt(np.maximum(squared, 0.0))
    return distances


def _drawn(
    vectors: Float32[np.ndarray, "n dim"],
    units: Int64[np.ndarray, " n"] | None,
    most: int,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "some dim"]:
    """One vector a unit, at most so many."""
    order = rng.permutation(len(vectors))
    if units is not None:
        _, first = np.unique(units[order], return_index=True)
        order = rng.permutation(order[first])
    return vectors[order[:most]]
