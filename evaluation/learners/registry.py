"""The learners that compute, by the name that a command line or a request gives them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from evaluation.learners.learner import Learner
from evaluation.learners.logistic_probe import LogisticProbe
from evaluation.learners.naive_bayes_probe import NaiveBayesProbe
from evaluation.learners.vote import Vote

__all__ = ["LearnerName", "learners_of"]

LearnerName: TypeAlias = Literal["vote", "probe"]


def learners_of(name: LearnerName) -> tuple[Learner, ...]:
    """The learners of a name: ``probe`` has two."""
    return (Vote(),) if name == "vote" else (LogisticProbe(), NaiveBayesProbe())
