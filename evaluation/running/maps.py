"""Maps of the folds of an evaluation: where their images lie before and after adapting to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from encoders.adaptation.watch import SILENT, Watch
from evaluation.protocols.fold import Fold
from evaluation.report import PoolMap, pool_map
from evaluation.running.adapted_fold import AdaptedFold
from evaluation.running.evaluated_pool import EvaluatedPool

__all__ = ["MOST_MAPS", "maps_of"]

MOST_MAPS = 8
"""Of an evaluation: each takes seconds, and a page must stay one that can be sent."""


def maps_of(
    pool: EvaluatedPool, spaces: Sequence[tuple[Fold, AdaptedFold | None]], *, seed: int, watch: Watch = SILENT
) -> list[PoolMap]:
    """A map of each of the first folds; each takes seconds.

    Args:
        pool: What was evaluated.
        spaces: Of the evaluation.
        seed: Of the projection.
        watch: Told of each, and asked whether to go on.
    """
    maps = []
    for number, (fold, adapted) in enumerate(spaces[:MOST_MAPS]):
        watch.check()
        watch.progress("drawing maps", number, min(len(spaces), MOST_MAPS), {})
        maps.append(_map(pool, fold, adapted, seed))
    return maps


def _map(pool: EvaluatedPool, fold: Fold, adapted: AdaptedFold | None, seed: int) -> PoolMap:
    places = np.concatenate([fold.pool, fold.queries])
    asking = np.arange(len(places)) >= len(fold.pool)
    examples, some = pool.examples, places.tolist()
    return pool_map(
        fold.name,
        [pool.ids[place] for place in some],
        [examples.label_names[place] for place in some],
        [examples.domain_names[place] for place in some],
        asking,
        examples.vectors[places],
        adapted.vectors(pool, fold)[places] if adapted is not None and adapted.better else None,
        seed=seed,
    )
