"""Questions to learners, made up."""

from __future__ import annotations

import numpy as np

from evaluation.learners.learner import Question


def question(labels: str, scores: list[float] | None = None, *, dim: int = 12, seed: int = 0) -> Question:
    """A question with a demonstration for each letter, which is its label, and random unit vectors."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(len(labels) + 1, dim))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Question(
        query="query",
        vector=unit[-1],
        classes=("a", "b", "c", "d"),
        ids=tuple(f"d{number}" for number in range(len(labels))),
        labels=tuple(labels),
        scores=tuple((unit[:-1] @ unit[-1]).astype(float).tolist() if scores is None else scores),
        vectors=unit[:-1],
    )
