"""The whole report on a batch of unlabelled queries: how far from the pool, how different, what to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from encoders.adaptation.coding import code, names_of
from encoders.adaptation.retrieval import nearest
from evaluation.protocols.fold import units_of
from evaluation.shift.abstention import CoveragePoint, coverage_curve, ranking_of, threshold_for
from evaluation.shift.energy_test import EnergyTest, energy_test
from evaluation.shift.familiarity import familiarity_of, rehearsed
from evaluation.shift.nearness import Nearness, nearest_by_domain, nearness, own_domain_nearest

__all__ = ["Known", "ShiftReport", "shift_report"]


@dataclass(frozen=True, eq=False)
class Known:
    """A pool, in one space.

    Attributes:
        vectors: (n, dim) float32, L2-normalised, at least two.
        labels: Of each image.
        domains: Likewise; None where it isn't known.
        groups: Likewise; None for none.
    """

    vectors: Float32[np.ndarray, "n dim"]
    labels: Sequence[str]
    domains: Sequence[str | None]
    groups: Sequence[str | None]


@dataclass(frozen=True, eq=False)
class ShiftReport:
    """How far a batch lies from a pool.

    Attributes:
        queries: How many images the batch has.
        domains: How near it comes to each of the pool's domains, in alphabetical order; none where none is known.
        test: Whether batch and pool are drawn from the same distribution.
        familiarity: (queries,) of each query: the mean similarity of its k nearest demonstrations.
        curve: What the pool's own images are answered from each familiarity on.
        ranking: Of the pool's own images, how often one that is answered rightly is more familiar than one that isn't;
            None where all or none are. At a half, familiarity says nothing about the answer, and no threshold helps.
        domains_left_out: As of `evaluation.shift.familiarity.Rehearsal`.
        threshold: The least strict point of the curve with the accuracy that is wanted; None where there is none.
        answered: Share of the batch that is familiar enough to be answered; None without a threshold.
    """

    queries: int
    domains: tuple[Nearness, ...]
    test: EnergyTest
    familiarity: Float64[np.ndarray, " queries"]
    curve: tuple[CoveragePoint, ...]
    ranking: float | None
    domains_left_out: bool
    threshold: CoveragePoint | None
    answered: float | None


def shift_report(
    batch: Float32[np.ndarray, "queries dim"],
    pool: Known,
    *,
    batch_groups: Sequence[str | None] | None = None,
    accuracy: float = 0.8,
    k: int = 7,
    seed: int = 0,
) -> ShiftReport:
    """The report on a batch.

    Args:
        batch: (queries, dim), L2-normalised, of the pool's encoder; at least one.
        pool: What it is compared with.
        batch_groups: Patient or slide of each query; None where every image is one of its own.
        accuracy: Wanted of what is answered; the threshold is for this.
        k: How many neighbours vote, and make up the familiarity.
        seed: Of all that is drawn.

    Raises:
        PoolNotDivisibleError: The pool has one group only.
    """
    names = names_of(pool.domains)
    domains, units = code(pool.domains, names), units_of(pool.groups)
    rehearsal = rehearsed(pool.vectors, pool.labels, pool.domains, pool.groups, k=k, seed=seed)
    curve = coverage_curve(rehearsal.familiarity, rehearsal.right)
    threshold = threshold_for(curve, accuracy)
    familiarity = familiarity_of(nearest(batch, pool.vectors, k))
    near: list[Nearness] = []
    if names:
        usual = own_domain_nearest(pool.vectors, domains, units, seed=seed)
        near = nearness(nearest_by_domain(batch, pool.vectors, domains), usual, names)
    return ShiftReport(
        queries=len(batch),
        domains=tuple(near),
        test=energy_test(
            batch,
            pool.vectors,
            one_units=None if batch_groups is None else units_of(batch_groups),
            other_units=units,
            seed=seed,
        ),
        familiarity=familiarity,
        curve=tuple(curve),
        ranking=ranking_of(rehearsal.familiarity, rehearsal.right),
        domains_left_out=rehearsal.domains_left_out,
        threshold=threshold,
        answered=None if threshold is None else float((familiarity >= threshold.threshold).mean()),
    )
