"""The folds of a plan: those of its protocol, with as many queries as are asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64

from evaluation.plan import EvaluationPlan
from evaluation.protocols.fold import Fold
from evaluation.protocols.registry import folds_of
from evaluation.running.evaluated_pool import EvaluatedPool

__all__ = ["digest_of", "folds_of_plan"]


def folds_of_plan(pool: EvaluatedPool, plan: EvaluationPlan) -> list[Fold]:
    """The folds, each with all of its queries or a sample; the same for the same pool and plan.

    A query that isn't drawn is in neither side, and demonstrations are as if it had been: an adaptation to the fold
    doesn't hang on the sample.

    Raises:
        PoolNotDivisibleError: The pool can't be divided so.
    """
    examples = pool.examples
    folds = folds_of(
        plan.protocol,
        examples.label_names,
        examples.domain_names,
        examples.group_names,
        seed=plan.seed,
        folds=plan.folds,
        targets=plan.targets,
    )
    return [_sampled(fold, plan.queries, plan.seed) for fold in folds]


def digest_of(fold: Fold, learnt: Int64[np.ndarray, " some"], plan: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that stand for a fold, what was learnt from it, and how.

    Args:
        fold: A domain may be called anything, and longer than a file may.
        learnt: Places of the demonstrations that are learnt from.
        plan: JSON values.
    """
    words = hashlib.sha256(json.dumps([fold.name, plan], sort_keys=True).encode())
    for places in (fold.pool, fold.queries, learnt):
        words.update(len(places).to_bytes(8, "little") + places.astype("<i8").tobytes())
    return words.hexdigest()[:32]


def _sampled(fold: Fold, most: int | None, seed: int) -> Fold:
    if most is None or len(fold.queries) <= most:
        return fold
    # By its name, so that a fold's sample is the same whichever others are asked.
    rng = np.random.default_rng([seed, int(hashlib.sha256(fold.name.encode()).hexdigest()[:16], 16)])
    return replace(fold, queries=np.sort(rng.choice(fold.queries, most, replace=False)))
