"""How near queries come to each domain of a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from encoders.adaptation.coding import UNKNOWN

__all__ = ["QUANTILES", "Nearness", "nearest_by_domain", "nearness", "own_domain_nearest"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SCORES_AT_ONCE = 8_000_000  # 32 MB of float32


@dataclass(frozen=True)
class Nearness:
    """How near a batch comes to one domain.

    Attributes:
        domain: Its name.
        share: Share of the batch whose nearest demonstration of all lies in it.
        similarity: Quantiles (`QUANTILES`) over the batch of each query's similarity to its nearest demonstration of
            this domain.
        own: The same of the domain's own images, each to the nearest of the domain outside of its group: what is usual
            there. None where no image has another to be compared with.
    """

    domain: str
    share: float
    similarity: tuple[float, ...]
    own: tuple[float, ...] | None


def nearness(
    similarities: Float32[np.ndarray, "queries domains"],
    own: Sequence[Float32[np.ndarray, " _"]],
    names: Sequence[str],
) -> list[Nearness]:
    """The nearness to each domain, in the order of the names.

    Args:
        similarities: Of `nearest_by_domain`; at least one query.
        own: Of `own_domain_nearest`, by domain.
        names: Of the domains.
    """
    # Of equals the first in alphabetical order.
    shares = np.bincount(similarities.argmax(axis=1), minlength=len(names)) / len(similarities)
    return [
        Nearness(name, float(share), _quantiles(column), _quantiles(usual) if len(usual) else None)
        for name, share, column, usual in zip(names, shares, similarities.T, own, strict=True)
    ]


def nearest_by_domain(
    queries: Float32[np.ndarray, "queries dim"],
    pool: Float32[np.ndarray, "n dim"],
    domains: Int64[np.ndarray, " n"],
) -> Float32[np.ndarray, "queries domains"]:
    """Cosine similarity of each query to its nearest demonstration of each domain; by comparing all with all.

    Args:
        queries: (queries, dim), L2-normalised.
        pool: (n, dim), L2-normalised.
        domains: (n,) each one's domain, from 0, none of them without demonstrations; `UNKNOWN` ones don't count.
    """
    order = np.argsort(domains, kind="stable")
    order = order[domains[order] != UNKNOWN]
    starts = np.flatnonzero(np.diff(domains[order], prepend=UNKNOWN))
    sorted_pool = pool[order]
    step = max(1, _SCORES_AT_ONCE // len(order))
    return np.concatenate(
        [
            np.maximum.reduceat(queries[start : start + step] @ sorted_pool.T, starts, axis=1)
            for start in range(0, len(queries), step)
        ]
    )


def own_domain_nearest(
    pool: Float32[np.ndarray, "n dim"],
    domains: Int64[np.ndarray, " n"],
    units: Int64[np.ndarray, " n"],
    files: Int64[np.ndarray, " n"],
    *,
    most: int = 1000,
    seed: int = 0,
) -> list[Float32[np.ndarray, " _"]]:
    """For each domain, the similarity of its images to the nearest of another file and group of their domain.

    Args:
        pool: (n, dim), L2-normalised.
        domains: (n,) as for `nearest_by_domain`.
        units: (n,) a number for each group, or image without a group.
        files: (n,) a number for each image file.
        most: Of a domain with more images, so many drawn at random are compared with all.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    found = []
    for domain in range(int(domains.max(initial=UNKNOWN)) + 1):
        here = np.flatnonzero(domains == domain)
        asking = here if len(here) <= most else np.sort(rng.choice(here, most, replace=False))
        step = max(1, _SCORES_AT_ONCE // max(1, len(here)))
        best = [
            _best_elsewhere(pool, asking[at : at + step], here, (units, files)) for at in range(0, len(asking), step)
        ]
        joined: Float32[np.ndarray, " _"] = np.concatenate([np.empty(0, np.float32), *best])
        found.append(joined[np.isfinite(joined)])
    return found


def _best_elsewhere(
    pool: Float32[np.ndarray, "n dim"],
    asking: Int64[np.ndarray, " some"],
    here: Int64[np.ndarray, " m"],
    relations: Sequence[Int64[np.ndarray, " n"]],
) -> Float32[np.ndarray, " some"]:
    scores = pool[asking] @ pool[here].T
    for same in relations:
        scores[same[asking][:, None] == same[here][None, :]] = -np.inf
    best: Float32[np.ndarray, " some"] = scores.max(axis=1)
    return best


def _quantiles(values: Float32[np.ndarray, " n"]) -> tuple[float, ...]:
    wide: Float64[np.ndarray, " quantiles"] = np.quantile(values.astype(np.float64), QUANTILES)
    return tuple(wide.tolist())
