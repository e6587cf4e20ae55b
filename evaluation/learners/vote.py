"""The simplest learner: the demonstrations vote, each with its similarity to the query.

Source of the weighting: Dudani, The Distance-Weighted k-Nearest-Neighbor Rule, 1976,
https://doi.org/10.1109/TSMC.1976.5408784, with the similarity itself as weight.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from evaluation.learners.learner import NO_ANSWER, Answer, Question

__all__ = ["Vote", "vote"]


class Vote:
    """Answers the label whose demonstrations are together the most similar; without demonstrations, nothing.

    Its confidence is the label's share of the sums, those below 0 taken for 0. Where no sum is above 0, all labels
    shown are equally likely. One label alone has confidence 1.
    """

    @property
    def name(self) -> str:
        """``vote``."""
        return "vote"

    def answer(self, question: Question) -> Answer:
        """The answer by similarity-weighted vote."""
        sums = _sums(question.labels, question.scores)
        label = _largest(sums)
        if label is None:
            return NO_ANSWER
        total = sum(max(each, 0.0) for each in sums.values())
        return Answer(label, sums[label] / total if total > 0 else 1.0 / len(sums))


def vote(labels: Sequence[str], scores: Sequence[float]) -> str | None:
    """The label whose demonstrations are together the most similar to the query.

    Args:
        labels: Label of each demonstration.
        scores: Its cosine similarity to the query; one below 0 counts against its label.

    Returns:
        The label with the largest sum of scores; of equals, the first in alphabetical order. None without
        demonstrations.
    """
    return _largest(_sums(labels, scores))


def _sums(labels: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for label, score in sorted(zip(labels, scores, strict=True)):
        sums[label] += score
    return sums


def _largest(sums: dict[str, float]) -> str | None:
    return min(sums, key=lambda label: (-sums[label], label), default=None)
