"""The learner: a question becomes the prompt that a user's pipeline would send, and what comes back becomes an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.learners.learner import Answer, Question
from evaluation.learners.lmm.budget import Spent
from evaluation.learners.lmm.options import LmmOptions

if TYPE_CHECKING:
    import httpx

__all__ = ["Lmm"]


class Lmm:
    """Asks a large multimodal model behind an OpenAI-compatible endpoint, from one event loop.

    Args:
        options: Which model, where, and what it may cost.
        picture: The bytes of the image file of a query or demonstration, by id; called from threads.
        cache: Folder of the answers that are kept; None keeps none.
        http_client: Sends the requests instead of a client of its own; left open.

    Raises:
        InvalidRequestError: The package `openai` isn't installed.
        LearnerKeyRefusedError: The endpoint needs a key and the environment has none.
    """

    def __init__(
        self,
        options: LmmOptions,
        *,
        picture: Callable[[str], bytes],
        cache: Path | None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._options = options

    @property
    def name(self) -> str:
        """``lmm:`` and the model; with other options than the usual, six digits that stand for them."""
        raise NotImplementedError

    @property
    def spent(self) -> Spent:
        """What was used so far."""
        raise NotImplementedError

    async def answer(self, question: Question) -> Answer:
        """The model's answer; one that can't be read has no label and keeps its words.

        Raises:
            LearnerBudgetSpentError: The question isn't cached, and what is left of the budget isn't enough for it.
            LearnerUnreachableError: The endpoint can't be reached, or kept failing.
            LearnerKeyRefusedError: The endpoint refuses the key, or its account has no credit.
            LearnerModelUnknownError: The endpoint has no such model.
            LearnerRequestRefusedError: The endpoint doesn't take such requests.
            LearnerResponseInvalidError: What comes back is no chat completion.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the connections."""
        raise NotImplementedError
