"""What tells the answers of an evaluation apart, before there are any."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.answers.answered import Key
from evaluation.plan import EvaluationPlan
from evaluation.protocols.fold import Fold
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.learners import Learners

__all__ = ["keys_of"]


def keys_of(pool: EvaluatedPool, plan: EvaluationPlan, fold: Fold, learners: Learners) -> Iterator[Key]:
    """Of all answers of a fold, in the order of the table.

    Args:
        pool: What is evaluated.
        plan: How.
        fold: The fold.
        learners: Who answers.
    """
    for query in fold.queries.tolist():
        for strategy, shots in plan.rows:
            for learner in learners.names:
                yield Key(fold.name, pool.ids[query], strategy, shots, learner)
