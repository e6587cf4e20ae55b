"""The learners that compute, by the name that a command line or a request gives them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, TypeAlias

from evaluation.learners.learner import Learner
from evaluation.learners.logistic_probe import LogisticProbe
from evaluation.learners.naive_bayes_probe import NaiveBayesProbe
from evaluation.learners.vote import Vote
from invariantselect.errors import InvalidRequestError

__all__ = ["LearnerName", "learners_of"]

LearnerName: TypeAlias = Literal["vote", "probe"]


def learners_of(name: LearnerName) -> tuple[Learner, ...]:
    """The learners of a name: ``probe`` has two.

    Raises:
        InvalidRequestError: The probes' library isn't installed.
    """
    if name == "vote":
        return (Vote(),)
    if find_spec("sklearn") is None:
        raise InvalidRequestError(
            "The probes need the package 'scikit-learn', which is not installed.",
            hint="Install the extra: pip install 'invariantselect-server[evaluate]'; the learner vote needs nothing.",
        )
    return (LogisticProbe(), NaiveBayesProbe())
