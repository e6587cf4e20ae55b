"""What a learner is asked and what it answers: the one interface of `vote`, the probes and a large multimodal model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

__all__ = ["NO_ANSWER", "Answer", "AsyncLearner", "Learner", "Question"]


@dataclass(frozen=True, eq=False)
class Question:
    """A query, its demonstrations and the labels to choose from.

    Attributes:
        query: Id of the query.
        vector: (dim,) float32, L2-normalised.
        classes: The labels of the task in ascending order, whether or not a demonstration has them.
        ids: Id of each demonstration, the most similar first; none for a zero-shot question.
        labels: Label of each.
        scores: Cosine similarity of each to the query, in the space that it was chosen in.
        vectors: (k, dim) float32, L2-normalised, of each; in the space of the query's vector.
    """

    query: str
    vector: Float32[np.ndarray, " dim"]
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    vectors: Float32[np.ndarray, "k dim"]


@dataclass(frozen=True)
class Answer:
    """What a learner says.

    Attributes:
        label: One of the question's classes; None for no answer, or one that can't be read, which counts as wrong.
        confidence: From 0 to 1, how likely the learner takes its label to be right; 0 without a label.
        raw: What a model said, word for word; None where nothing is said in words.
    """

    label: str | None
    confidence: float
    raw: str | None = None


NO_ANSWER = Answer(None, 0.0)
"""Of a learner that knows nothing but its demonstrations, and has none."""


@runtime_checkable
class Learner(Protocol):
    """Answers by computing: fast, never fails, and the same each time."""

    @property
    def name(self) -> str:
        """As it stands in tables and files; it tells apart all that answers hang on."""

    def answer(self, question: Question) -> Answer:
        """The answer to a question."""


@runtime_checkable
class AsyncLearner(Protocol):
    """Answers over a network: slow, many at a time, at a price.

    Whoever asks bounds how many questions are open. Retries, budgets and the cache are the learner's; an answer that
    can't be read is an answer (`Answer.label` is None), what can't be had at all is raised.
    """

    @property
    def name(self) -> str:
        """As for `Learner`: it holds the model, so that answers of two models never mix."""

    async def answer(self, question: Question) -> Answer:
        """The answer to a question.

        Raises:
            InvariantSelectError: The model can't be reached, or the budget is spent.
        """

    async def aclose(self) -> None:
        """Close the connections; nothing is asked afterwards."""
