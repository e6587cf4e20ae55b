"""A whole evaluation made up: strategies of different worth, patients with several images, hostile names on request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from evaluation.answers.answered import Answered
from evaluation.report.about import About, FoldSize

__all__ = ["ABOUT", "HOSTILE", "evaluation"]

HOSTILE = (
    """"'><script>window.pwned = 1</script><img src=x onerror=window.pwned=1>{{ 7 * 7 }}</style>&\u202eevil\u200f 🦠"""
)
"""A name that breaks out of whatever isn't escaped, and turns the text behind it around."""

ABOUT = About(
    pool="lesions",
    snapshot=41,
    encoder="efficientnet-lite0",
    adaptation="closed_form, adapted to each fold alone",
    protocol="leave-one-domain-out",
    seed=0,
    created_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    code_version="0.1.0",
    folds=(FoldSize("rosendahl", 1980, 600, 14, 0), FoldSize("vienna_dias", 2106, 500, 3, 2)),
    notes=("500 queries were drawn of each fold.",),
)

_WORTH = {"none": 0.0, "random": 0.0, "topk_nearest": 0.45, "invariant_select": 0.75}


def evaluation(
    queries: int = 200,
    *,
    seed: int = 0,
    classes: Sequence[str] = ("melanoma", "nevus", "keratosis"),
    folds: Sequence[str] = ("rosendahl", "vienna_dias"),
    strategies: Sequence[str] = ("random", "topk_nearest", "invariant_select"),
    shots: Sequence[int] = (1, 3, 7),
    learners: Sequence[str] = ("vote",),
    zero_shot: bool = True,
) -> list[Answered]:
    """Answers in the order of queries; more shots help, the better strategy most."""
    rng = np.random.default_rng(seed)
    weights = 0.55 ** np.arange(len(classes))
    answers = []
    for number in range(queries):
        asked = {
            "fold": folds[number % len(folds)],
            "query": f"query {number}",
            "domain": folds[number % len(folds)],
            "group": None if number % 5 == 0 else f"patient {number // 3}",
            "truth": str(rng.choice(np.array(classes), p=weights / weights.sum())),
            "barred_group": int(rng.integers(4)),
            "barred_near_duplicate": int(rng.random() < 0.1),
        }
        hard = float(rng.random())
        for learner in learners:
            if zero_shot:
                answers.append(_answered(rng, asked, "none", 0, learner, classes, folds, hard))
            answers += [
                _answered(rng, asked, strategy, count, learner, classes, folds, hard)
                for strategy in strategies
                for count in shots
            ]
    return answers


def _answered(
    rng: np.random.Generator,
    asked: dict[str, object],
    strategy: str,
    shots: int,
    learner: str,
    classes: Sequence[str],
    folds: Sequence[str],
    hard: float,
) -> Answered:
    right = hard < 0.2 + _WORTH.get(strategy, 0.3) * shots / (shots + 2)
    blank = (shots == 0 and learner == "vote") or rng.random() < 0.02
    answer = None if blank else asked["truth"] if right else str(rng.choice(np.array(classes)))
    labels = [str(asked["truth"]) if rng.random() < 0.6 else str(rng.choice(np.array(classes))) for _ in range(shots)]
    return Answered(
        **asked,
        strategy=strategy,
        shots=shots,
        learner=learner,
        answer=answer,
        confidence=0.0 if answer is None else float(rng.beta(4, 2)),
        demonstrations=tuple(f"image {each}" for each in rng.choice(3000, size=shots, replace=False).tolist()),
        labels=tuple(labels),
        domains=tuple(None if rng.random() < 0.05 else str(rng.choice(np.array(folds))) for _ in range(shots)),
        scores=tuple(sorted(rng.random(shots).tolist(), reverse=True)),
    )
