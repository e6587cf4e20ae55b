"""Requests to an OpenAI-compatible endpoint: each within the budget and its deadline, and again where that may help.

Retries are made here and not by the package `openai`, whose own are switched off: each is a request, so each has to
be reserved in the budget first, and a caller has to be able to count them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from evaluation.learners.lmm.address import check_address, is_encrypted, keeps_secrets
from evaluation.learners.lmm.budget import Budget
from evaluation.learners.lmm.failures import Failure, RefusedSetting, judge
from evaluation.learners.lmm.naming import Naming
from evaluation.learners.lmm.options import LmmOptions
from evaluation.learners.lmm.reply import Reply, read_reply
from evaluation.learners.lmm.request import Body, most_tokens_of
from evaluation.learners.lmm.tokens import Tokens
from invariantselect.errors import InvalidRequestError, LearnerKeyRefusedError, LearnerResponseInvalidError

if TYPE_CHECKING:
    import httpx

__all__ = ["Endpoint"]

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_MOST_DOUBLINGS = 10
_LONGEST_WAIT_S = 300.0
"""An endpoint that wants to be left alone for longer is left alone: the error says for how long."""

_SHORTEST_KEY = 8
"""Anything shorter is no secret, and would be found in any text."""

_log = logging.getLogger(__name__)


class Endpoint:
    """An endpoint, of one event loop.

    Args:
        options: Where it is, and how patiently it is asked.
        budget: What asking may cost.
        http_client: Sends the requests instead of a client of its own; left open.
        sleep: Waits for so many seconds between requests.

    Raises:
        InvalidRequestError: The package `openai` isn't installed, or the environment's base URL is none.
        LearnerKeyRefusedError: It needs a key and the environment has none.
    """

    def __init__(
        self,
        options: LmmOptions,
        budget: Budget,
        *,
        http_client: httpx.AsyncClient | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        if find_spec("openai") is None:
            raise InvalidRequestError(
                "The learner lmm needs the package 'openai', which is not installed.",
                hint="Install the extra: pip install 'invariantselect-server[evaluate]'.",
            )
        from openai import AsyncOpenAI

        base_url = options.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        check_address(base_url)
        self.base_url = base_url.rstrip("/")
        self._options = options
        self._budget = budget
        self._sleep = sleep
        self._naming = Naming(self.base_url, options.tells_address)
        self._key = _key(options.key_variable, self._naming)
        self._headers = _headers(self.base_url, self._key)
        self._own_client = None if http_client else _client(self.base_url)
        self._openai = AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.base_url,
            max_retries=0,
            timeout=options.timeout_seconds,
            http_client=http_client or self._own_client,
        )

    async def ask(self, body: Body) -> Reply | RefusedSetting:
        """The reply to a request, or which of its optional settings is refused.

        Args:
            body: Of the request; exactly this is sent.

        Raises:
            LearnerBudgetSpentError: What is left isn't enough for the request, or for making it again.
            LearnerUnreachableError: It kept failing; the other errors of a learner likewise.
        """
        attempt = 0
        while isinstance(outcome := await self._attempt(body), Failure):
            after = outcome.after_seconds
            if not outcome.passing or attempt == self._options.retries or (after or 0.0) > _LONGEST_WAIT_S:
                if after is not None:
                    outcome.error.context["retry_after"] = after
                raise outcome.error
            pause = _pause(attempt, after)
            _log.info("%s; again in %.1f s", outcome.error.detail, pause)
            await self._sleep(pause)
            attempt += 1
        return outcome

    async def aclose(self) -> None:
        """Close the connections, unless they are another's."""
        if self._own_client is not None:
            await self._own_client.aclose()

    async def _attempt(self, body: Body) -> Reply | RefusedSetting | Failure:
        from openai import OpenAIError

        reserved = await self._budget.reserve(most_tokens_of(body["messages"], self._options))
        used = reserved.tokens  # unless it turns out otherwise: what was sent may have been billed
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                response = await self._openai.chat.completions.with_raw_response.create(
                    **body, extra_headers=self._headers
                )
            reply = read_reply(self._without_key(response.content))
            used = reply.used or reserved.tokens
        except LearnerResponseInvalidError as error:
            return Failure(error, passing=True, billed=True)
        except (OpenAIError, TimeoutError) as error:
            outcome = judge(error, body, self._naming, self._key)
            if not (isinstance(outcome, Failure) and outcome.billed):
                used = Tokens()
            return outcome
        else:
            return reply
        finally:
            self._budget.settle(reserved, used)

    def _without_key(self, content: bytes) -> bytes:
        return content.replace(self._key.encode(), b"[key]") if self._key else content


def _key(variable: str, naming: Naming) -> str | None:
    """The key that the environment has for an endpoint; None where none may be sent or none is needed."""
    if not keeps_secrets(naming.base_url):
        return None
    key = os.environ.get(variable, "").strip()
    if not key and not is_encrypted(naming.base_url):
        return None
    if len(key) >= _SHORTEST_KEY and key.isascii() and key.isprintable() and " " not in key:
        return key
    held = "no key" if not key else "what is no key"
    if naming.told:
        raise LearnerKeyRefusedError(f"The environment variable {variable} holds {held} for {naming.base_url}.")
    _log.info("the environment variable %s holds %s for %s", variable, held, naming.base_url)
    raise LearnerKeyRefusedError(f"{naming.endpoint} needs a key, and the environment of whoever asks it holds {held}.")


def _client(base_url: str) -> httpx.AsyncClient:
    """A client that follows no redirects. To this machine itself, it takes no proxy of the environment: what may travel
    there in the clear would go to the proxy."""
    from openai import DefaultAsyncHttpxClient

    direct = keeps_secrets(base_url) and not is_encrypted(base_url)
    return DefaultAsyncHttpxClient(follow_redirects=False, trust_env=not direct)


def _headers(base_url: str, key: str | None) -> dict[str, Any]:
    """What the package `openai` is told of headers with each request: over plain http, to leave out all that it takes
    from the environment, which may be as secret as a key. Over https there always is a key, which it adds itself."""
    from openai import Omit

    if is_encrypted(base_url):
        return {}
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    named = [line.partition(":")[0].strip() for line in lines if ":" in line]
    without = dict.fromkeys((*named, "OpenAI-Organization", "OpenAI-Project"), Omit())
    return {**without, "Authorization": f"Bearer {key}" if key else Omit()}


def _pause(attempt: int, after_seconds: float | None) -> float:
    """Seconds until the next attempt: as long as was asked for and a little, or full jitter that doubles.

    Source: Brooker, Exponential Backoff And Jitter, 2015,
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    chance = random.random()
    if after_seconds is not None:
        return after_seconds + _FIRST_PAUSE_S * chance
    return float(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempt, _MOST_DOUBLINGS)) * chance)
