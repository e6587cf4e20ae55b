"""The simplest learner: the demonstrations vote, each with its similarity to the query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

__all__ = ["vote"]


def vote(labels: Sequence[str], scores: Sequence[float]) -> str | None:
    """The label whose demonstrations are together the most similar to the query.

    Args:
        labels: Label of each demonstration.
        scores: Its cosine similarity to the query; one below 0 counts against its label.

    Returns:
        The label with the largest sum of scores; of equals, the first in alphabetical order. None without
        demonstrations.
    """
    sums: defaultdict[str, float] = defaultdict(float)
    for label, score in sorted(zip(labels, scores, strict=True)):
        sums[label] += score
    return min(sums, key=lambda label: (-sums[label], label), default=None)
