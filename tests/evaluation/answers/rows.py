"""Answers made up at random."""

from __future__ import annotations

import numpy as np

from evaluation.answers.answered import Answered

__all__ = ["answers_at_random"]


def answers_at_random(
    seed: int,
    *,
    queries: int = 60,
    strategies: tuple[str, ...] = ("random", "topk_nearest"),
    shots: tuple[int, ...] = (0, 3),
) -> list[Answered]:
    """Answers of one learner to queries of two folds, some in groups, some without an answer."""
    rng = np.random.default_rng(seed)
    asked = [
        {
            "fold": f"fold {number % 2}",
            "query": f"q{number}",
            "domain": None if rng.random() < 0.1 else f"domain {number % 2}",
            "group": None if rng.random() < 0.3 else f"patient {rng.integers(queries // 3)}",
            "truth": str(rng.choice(["cat", "dog", "emu"], p=[0.6, 0.3, 0.1])),
        }
        for number in range(queries)
    ]
    return [_answered(rng, each, strategy, count) for each in asked for strategy in strategies for count in shots]


def _answered(rng: np.random.Generator, asked: dict[str, object], strategy: str, shots: int) -> Answered:
    labels = rng.choice(["cat", "dog", "emu"], size=shots).tolist()
    told = None if rng.random() < 0.1 else asked["truth"] if rng.random() < 0.5 else str(rng.choice(["cat", "dog"]))
    return Answered(
        **asked,
        strategy=strategy,
        shots=shots,
        learner="vote",
        answer=told,
        confidence=0.0 if told is None else float(rng.random()),
        demonstrations=tuple(f"d{number}" for number in rng.integers(100, size=shots).tolist()),
        labels=tuple(labels),
        domains=tuple(None if rng.random() < 0.2 else f"domain {rng.integers(3)}" for _ in range(shots)),
        scores=tuple(sorted(rng.random(shots).tolist(), reverse=True)),
        barred_group=int(rng.integers(3)),
        barred_content=int(rng.integers(2)),
        barred_near_duplicate=int(rng.integers(4)),
    )
