"""The whole report on a batch of unlabelled queries: how far from the pool, how different, what to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from encoders.adaptation.coding import code, names_of
from encoders.adaptation.retrieval import nearest
from evaluation.protocols.fold import units_of
from evaluation.shift.abstention import CoveragePoint, coverage_curve, ranking_of, threshold_for
from evaluation.shift.agreement import agreement_of
from evaluation.shift.energy_test import EnergyTest, energy_test
from evaluation.shift.familiarity import familiarity_of, rehearsed
from evaluation.shift.nearness import Nearness, nearest_by_domain, nearness, own_domain_nearest

__all__ = ["UNFAMILIAR", "Known", "ShiftReport", "shift_report"]

UNFAMILIAR = 0.05
_NEVER = -1.0


@dataclass(frozen=True, eq=False)
class Known:
    """A pool, in one space.

    Attributes:
        vectors: (n, dim) float32, L2-normalised, at least two.
        labels: Of each image.
        domains: Likewise; None where it isn't known.
        groups: Likewise; None for none.
        sha256: Of each image file: one that is there twice isn't a stranger to itself.
    """

    vectors: Float32[np.ndarray, "n dim"]
    labels: Sequence[str]
    domains: Sequence[str | None]
    groups: Sequence[str | None]
    sha256: Sequence[str]


@dataclass(frozen=True, eq=False)
class ShiftReport:
    """How far a batch lies from a pool.

    Attributes:
        queries: How many images the batch has.
        domains: How near it comes to each of the pool's domains, in alphabetical order; none where none is known.
        test: Whether batch and pool are drawn from the same distribution.
        familiarity: (queries,) of each query: the mean similarity of its k nearest demonstrations.
        agreement: (queries,) of each query: how much these agree, see `evaluation.shift.agreement`.
        least_familiarity: Below it nothing is answered, however much is agreed: only `UNFAMILIAR` of the pool's own
            images lie there when their domain is left out.
        curve: What of the pool's own images is answered from each agreement on, the unfamiliar never.
        ranking: Of the pool's own images, how often the nearest of one that is answered rightly agree more than those
            of one that isn't; None where all or none are. At a half agreement says nothing, and no threshold helps.
        domains_left_out: As of `evaluation.shift.familiarity.Rehearsal`.
        threshold: The least strict point of the curve with the accuracy that is wanted; None where there is none.
        answers: (queries,) whether each query is familiar enough, and agreed upon enough, to be answered; None without
            a threshold.
    """

    queries: int
    domains: tuple[Nearness, ...]
    test: EnergyTest
    familiarity: Float64[np.ndarray, " queries"]
    agreement: Float64[np.ndarray, " queries"]
    least_familiarity: float
    curve: tuple[CoveragePoint, ...]
    ranking: float | None
    domains_left_out: bool
    threshold: CoveragePoint | None
    answers: Bool[np.ndarray, " queries"] | None

    @property
    def answered(self) -> float | None:
        """Share of the batch that is answered; None without a threshold."""
        return None if self.answers is None else float(self.answers.mean())


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
        k: How many neighbours vote, and make up familiarity and agreement.
        seed: Of all that is drawn.

    Raises:
        PoolNotDivisibleError: The pool has one group only.
    """
    names = names_of(pool.domains)
    domains, units = code(pool.domains, names), units_of(pool.groups)
    rehearsal = rehearsed(pool.vectors, pool.labels, pool.domains, pool.groups, pool.sha256, k=k, seed=seed)
    least = float(np.quantile(rehearsal.familiarity, UNFAMILIAR))
    rehearsed_trust = _trust(rehearsal.familiarity, rehearsal.agreement, least)
    curve = [point for point in coverage_curve(rehearsed_trust, rehearsal.right) if point.threshold > _NEVER]
    threshold = threshold_for(curve, accuracy)
    neighbours = nearest(batch, pool.vectors, k)
    familiarity = familiarity_of(neighbours)
    agreement = agreement_of(neighbours, code(pool.labels, names_of(pool.labels)))
    near: list[Nearness] = []
    if names:
        files = code(pool.sha256, names_of(pool.sha256))
        usual = own_domain_nearest(pool.vectors, domains, units, files, seed=seed)
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
        agreement=agreement,
        least_familiarity=least,
        curve=tuple(curve),
        ranking=ranking_of(rehearsal.agreement, rehearsal.right),
        domains_left_out=rehearsal.domains_left_out,
        threshold=threshold,
        answers=None if threshold is None else _trust(familiarity, agreement, least) >= threshold.threshold,
    )


def _trust(
    familiarity: Float64[np.ndarray, " n"], agreement: Float64[np.ndarray, " n"], least: float
) -> Float64[np.ndarray, " n"]:
    """The agreement, and below every threshold where the query is unfamiliar."""
    return np.where(familiarity >= least, agreement, _NEVER)
