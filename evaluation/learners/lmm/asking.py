"""The learner: a question becomes the prompt that a user's pipeline would send, and the reply becomes an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from evaluation.learners.learner import Answer, Question
from evaluation.learners.lmm.account import Account
from evaluation.learners.lmm.budget import Budget, Spent
from evaluation.learners.lmm.confidence import confidence_of
from evaluation.learners.lmm.endpoint import Endpoint
from evaluation.learners.lmm.failures import RefusedSetting
from evaluation.learners.lmm.kept_replies import KeptReplies
from evaluation.learners.lmm.options import LmmOptions
from evaluation.learners.lmm.reply import Reply
from evaluation.learners.lmm.request import Body, Messages, digest_of, messages_of, settings_of
from invariantselect.answers import AnswerParser

if TYPE_CHECKING:
    import httpx

__all__ = ["Lmm"]

_USUAL_URL = "https://api.openai.com/v1"


class Lmm:
    """Asks a large multimodal model behind an OpenAI-compatible endpoint. Of one event loop.

    Args:
        options: Which model, where, and what it may cost.
        picture: The bytes of the image file of a query or demonstration, by id; called from threads.
        cache: Folder of the replies that are kept, which any number of processes may share; None keeps none.
        account: What was spent of the budget before; None grants it anew.
        http_client: Sends the requests instead of a client of its own; left open.
        sleep: Waits for so many seconds between requests.

    Raises:
        InvalidRequestError: The package `openai` isn't installed, or the environment's base URL is none.
        LearnerKeyRefusedError: The endpoint needs a key and the environment has none.
    """

    def __init__(
        self,
        options: LmmOptions,
        *,
        picture: Callable[[str], bytes],
        cache: Path | None,
        account: Account | None = None,
        http_client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._options = options
        self._picture = picture
        self._budget = Budget(options, account)
        self._endpoint = Endpoint(options, self._budget, http_client=http_client, sleep=sleep)
        self._kept = KeptReplies(cache)
        self._places = asyncio.Semaphore(options.concurrency)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._cached = 0
        self._settings = digest_of(self._endpoint.base_url, settings_of(options))
        self._refused = self._kept.refused(self._settings)

    @property
    def name(self) -> str:
        """``lmm:`` and the model; elsewhere or with other words than the usual, six digits more that stand for them."""
        asked = self._asked_with(self._options)
        usual = (_USUAL_URL, self._asked_with(LmmOptions(self._options.model)))
        if (self._endpoint.base_url, asked) == usual:
            return f"lmm:{self._options.model}"
        return f"lmm:{self._options.model} {digest_of(self._endpoint.base_url, asked)[:6]}"

    @property
    def spent(self) -> Spent:
        """What was used so far, by those before as well."""
        used = self._budget.used
        return Spent(self._budget.requests, used.prompt, used.answer, self._budget.cost, self._cached)

    @property
    def priced(self) -> bool:
        """Whether it is known what it costs."""
        return bool(self._options.price_in or self._options.price_out)

    async def answer(self, question: Question) -> Answer:
        """The model's answer; one that can't be read has no label and keeps its words.

        Raises:
            LearnerBudgetSpentError: The reply isn't kept, and what is left of the budget isn't enough for it.
            LearnerUnreachableError: The endpoint can't be reached, or kept failing.
            LearnerKeyRefusedError: The endpoint refuses the key, or its account has no credit.
            LearnerModelUnknownError: The endpoint has no such model.
            LearnerRequestRefusedError: The endpoint doesn't take such requests.
            LearnerResponseInvalidError: What comes back is no chat completion.
            PromptInvalidError: The question can't be made a prompt, or another error of `build_prompt`.
        """
        async with self._places:
            messages = await asyncio.to_thread(messages_of, question, self._options, self._picture)
            reply = await self._reply(messages)
        label = _label_in(reply, question.classes)
        return Answer(label, 0.0 if label is None else confidence_of(reply, label), reply.text)

    async def aclose(self) -> None:
        """Close the connections, and the account."""
        await self._endpoint.aclose()
        self._budget.close()

    async def _reply(self, messages: Messages) -> Reply:
        """The reply to a prompt, asked for without those settings that the endpoint refuses."""
        refused = self._refused
        while True:
            outcome = await self._kept_or_asked({**settings_of(self._options, refused), "messages": messages})
            if isinstance(outcome, Reply):
                break
            refused = (*refused, outcome.name)
        if not set(refused) <= set(self._refused):
            # Only now: a refusal that leaving the setting out doesn't help was about something else.
            self._refused = refused
            await asyncio.to_thread(self._kept.keep_refused, self._settings, refused)
        return outcome

    async def _kept_or_asked(self, body: Body) -> Reply | RefusedSetting:
        key = digest_of(self._endpoint.base_url, body)
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:  # whoever asks the same meanwhile waits, and finds the reply kept
            kept = await asyncio.to_thread(self._kept.reply, key)
            if kept is not None:
                self._cached += 1
                return kept
            outcome = await self._endpoint.ask(body)
            if isinstance(outcome, Reply):
                await asyncio.to_thread(self._kept.keep_reply, key, outcome)
            return outcome

    @staticmethod
    def _asked_with(options: LmmOptions) -> Body:
        return {
            "settings": settings_of(options),
            "question": options.question,
            "image_side": options.image_side,
            "layout": options.layout,
        }


@lru_cache(maxsize=64)
def _parser(classes: tuple[str, ...]) -> AnswerParser:
    return AnswerParser(classes)


def _label_in(reply: Reply, classes: tuple[str, ...]) -> str | None:
    """What was answered. Of a reply that was cut off only what was said as an answer, in a line that had its end, or a
    name that is all it says and no beginning of another.

    A model that is still thinking names classes, and of `melanoma in situ` it may have said the first word.
    """
    if reply.refused:
        return None
    parser = _parser(classes)
    parsed = parser.parse(reply.text)
    if not reply.cut_off:
        return parsed.label
    if parsed.label is not None and parsed.how == "name":
        said = parsed.label.casefold()
        longer = [each for each in classes if each.casefold().startswith(said) and each != parsed.label]
        return None if longer else parsed.label
    whole = parser.parse((reply.text or "").rpartition("\n")[0])
    return whole.label if whole.how in ("template", "json") else None
