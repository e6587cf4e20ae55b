"""Who answers in an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.learners.learner import AsyncLearner, Learner
from invariantselect.errors import InvalidRequestError

__all__ = ["Learners"]


@dataclass(frozen=True)
class Learners:
    """Who answers.

    Attributes:
        computing: Those that compute.
        asked: Those behind a network.
        concurrency: How many questions to one of `asked` may be open.

    Raises:
        InvalidRequestError: There is none, or two have one name.
    """

    computing: tuple[Learner, ...] = ()
    asked: tuple[AsyncLearner, ...] = ()
    concurrency: int = 4

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise InvalidRequestError("The learners are none, or one is named twice.", hint="Name each once.")

    @property
    def names(self) -> tuple[str, ...]:
        """Of all, in the order of the table."""
        return (*(learner.name for learner in self.computing), *(learner.name for learner in self.asked))
