"""What every probe shares: a classifier fitted to the demonstrations' vectors, asked about the query's.

A probe needs two labels to tell apart. With one label among the demonstrations it answers that label with confidence
1; without demonstrations (zero shots) it knows nothing and doesn't answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float64, Int64

from encoders.adaptation.coding import code, names_of
from evaluation.learners.learner import NO_ANSWER, Answer, Question

__all__ = ["Probe"]

_EQUAL = 1e-6  # a fit is iterated, and rounded as the machine likes: less apart is a tie


class Probe(ABC):
    """A learner that fits a classifier anew for each question."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As it stands in tables and files."""

    def answer(self, question: Question) -> Answer:
        """The likeliest label of those shown; of equals, the first in alphabetical order."""
        shown = names_of(question.labels)
        if not shown:
            return NO_ANSWER
        if len(shown) == 1:
            return Answer(shown[0], 1.0)
        likely = self._likelihoods(
            question.vectors.astype(np.float64), code(question.labels, shown), question.vector.astype(np.float64)
        )
        best = int((likely >= likely.max() - _EQUAL).argmax())
        return Answer(shown[best], min(1.0, float(likely[best])))

    @abstractmethod
    def _likelihoods(
        self,
        vectors: Float64[np.ndarray, "k dim"],
        labels: Int64[np.ndarray, " k"],
        query: Float64[np.ndarray, " dim"],
    ) -> Float64[np.ndarray, " shown"]:
        """Probability of each label shown, at least two, which have the codes from 0."""
