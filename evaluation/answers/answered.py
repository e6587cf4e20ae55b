"""One answer, with all that its figures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Answered", "Key"]


class Key(NamedTuple):
    """What tells an answer from every other of an evaluation."""

    fold: str
    query: str
    strategy: str
    shots: int
    learner: str


@dataclass(frozen=True)
class Answered:
    """What a learner answered to one query with one strategy's demonstrations.

    Attributes:
        fold: Name of the fold.
        query: Id of the query.
        domain: Of the query; None where it isn't known.
        group: Patient or slide of the query; None for none.
        truth: Its label.
        strategy: Who chose the demonstrations; ``none`` by custom for zero shots.
        shots: How many were asked for; there may be fewer.
        learner: Who answered.
        answer: The label answered; None for none, or one that couldn't be read.
        confidence: From 0 to 1; 0 without an answer.
        raw: What a model said, word for word; None where nothing is said in words.
        demonstrations: Ids of the demonstrations, the most similar first.
        labels: Their labels.
        domains: Their domains.
        scores: Their cosine similarities to the query, in the space that they were chosen in.
        barred_group: How many of the pool were barred because they share the query's group.
        barred_content: Because they are the same file.
        barred_near_duplicate: Because they look the same.
    """

    fold: str
    query: str
    domain: str | None
    group: str | None
    truth: str
    strategy: str
    shots: int
    learner: str
    answer: str | None
    confidence: float
    raw: str | None = None
    demonstrations: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    domains: tuple[str | None, ...] = ()
    scores: tuple[float, ...] = ()
    barred_group: int = 0
    barred_content: int = 0
    barred_near_duplicate: int = 0

    @property
    def key(self) -> Key:
        """What tells it from every other answer of its evaluation."""
        return Key(self.fold, self.query, self.strategy, self.shots, self.learner)

    @property
    def right(self) -> bool:
        """Whether the answer is the truth; no answer is wrong."""
        return self.answer == self.truth

    @property
    def unit(self) -> tuple[str, str]:
        """What is drawn as a whole in a resample: the group, or the query where it has none."""
        return ("query", self.query) if self.group is None else ("group", self.group)
