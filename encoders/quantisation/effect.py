"""What rounding to int8 does to retrieval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64

from encoders.adaptation.coding import UNKNOWN
from encoders.adaptation.retrieval import Neighbours, nearest, precision
from encoders.quantised_tower import Effect

__all__ = ["effect_of"]


def effect_of(
    float32: Float32[np.ndarray, "n dim"],
    int8: Float32[np.ndarray, "n dim"],
    labels: Sequence[str],
    domains: Sequence[str | None],
    groups: Sequence[str | None],
    *,
    k: int,
) -> Effect:
    """Compare the two spaces: each image asks the others, but none of its own group.

    Args:
        float32: (n, dim), L2-normalised.
        int8: (n, dim), L2-normalised, of the same images.
        labels: Class of each.
        domains: Domain of each, None for none.
        groups: Patient or slide of each, None for none.
        k: How many nearest are looked at, at least 1.
    """
    classes = _codes(labels)
    own = _codes([f"image {place}" if group is None else f"group {group}" for place, group in enumerate(groups)])
    before, after = (nearest(space, space, k, query_groups=own, pool_groups=own) for space in (float32, int8))
    cosines = np.einsum("nd,nd->n", float32.astype(np.float64), int8.astype(np.float64))
    kept = (before.places[:, :, None] == after.places[:, None, :]).any(axis=2)
    across = None
    if len(set(domains)) > 1:
        places = _codes([domain or "" for domain in domains])
        across = tuple(precision(_across(space, k, places, own), classes, classes) for space in (int8, float32))
    return Effect(
        images=len(float32),
        k=k,
        cosine_mean=float(cosines.mean()),
        cosine_min=float(cosines.min()),
        overlap=float(kept[before.places != UNKNOWN].mean()),
        precision=precision(after, classes, classes),
        precision_float32=precision(before, classes, classes),
        precision_across=across[0] if across else None,
        precision_across_float32=across[1] if across else None,
    )


def _across(
    space: Float32[np.ndarray, "n dim"], k: int, domains: Int64[np.ndarray, " n"], groups: Int64[np.ndarray, " n"]
) -> Neighbours:
    """Each image's nearest of other domains, none of its own group."""
    places = np.empty((len(space), k), dtype=np.int64)
    scores = np.empty((len(space), k), dtype=np.float32)
    for domain in np.unique(domains):
        asking = domains == domain
        found = nearest(
            space[asking], space, k, query_groups=groups[asking], pool_groups=groups, among=domains != domain
        )
        places[asking], scores[asking] = found.places, found.scores
    return Neighbours(places, scores)


def _codes(words: Sequence[str]) -> Int64[np.ndarray, " n"]:
    return np.unique(np.array(words, dtype=object), return_inverse=True)[1].astype(np.int64)
