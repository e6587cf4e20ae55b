"""What the reader of an evaluation must know besides its figures, a sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evaluation.answers.answered import Answered
from evaluation.plan import ADAPTED, CENTRED, EvaluationPlan
from evaluation.protocols.fold import Fold
from evaluation.running.adapted_fold import AdaptedFold
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.maps import MOST_MAPS
from evaluation.running.refused import refused_among

__all__ = ["notes_of", "notes_of_refusals"]


def notes_of(
    pool: EvaluatedPool, plan: EvaluationPlan, folds: Sequence[Fold], adapted: Sequence[AdaptedFold | None]
) -> tuple[str, ...]:
    """The notes of an evaluation.

    Args:
        pool: What was evaluated.
        plan: How.
        folds: Its folds.
        adapted: What came of adapting to each; None where nothing was.
    """
    notes = []
    if plan.queries is not None:
        notes.append(
            f"At most {plan.queries} queries were drawn in each fold (seed {plan.seed}); the others didn't ask."
        )
    for fold, one in zip(folds, adapted, strict=True):
        if one is not None and not one.better:
            notes.append(
                f"The fold {fold.name!r} has no adapted encoder. {one.why} There {ADAPTED} chooses by the frozen "
                "encoder, as it would have been left to serve."
            )
    notes += _centring(plan, folds, adapted)
    if len(folds) > MOST_MAPS:
        notes.append(f"Maps are drawn of the first {MOST_MAPS} of {len(folds)} folds.")
    if all(group is None for group in pool.examples.group_names):
        notes.append(
            "No image has a group (patient, slide): images of one patient may stand on both sides, and intervals take "
            "images for independent."
        )
    return tuple(notes)


def notes_of_refusals(answers: Iterable[Answered]) -> list[str]:
    """What endpoints refused to answer, a sentence a learner."""
    return [
        f"The endpoint of {learner} refused {count} question{'' if count == 1 else 's'} while it answered others; "
        "they count as wrong. What it said stands in answers.csv."
        for learner, count in refused_among(answers).items()
    ]


def _centring(plan: EvaluationPlan, folds: Sequence[Fold], adapted: Sequence[AdaptedFold | None]) -> list[str]:
    if not plan.centre_queries:
        return []
    notes = [
        f"{CENTRED} is {ADAPTED} where the unlabelled queries of a fold are known together, and centred by what they "
        "share; a single query can't be."
    ]
    without = [fold.name for fold, one in zip(folds, adapted, strict=True) if one is not None and not one.centrable]
    if without:
        notes.append(f"Not centred, as there were too few queries or no adapted space: {', '.join(without)}.")
    return notes
