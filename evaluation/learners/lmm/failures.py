"""What a failed request means: try again, leave a setting out, take it for the answer, or give up and say why.

Nothing of the failure is chained to the error: the package's exceptions hold the request, and the request the key.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.learners.lmm.naming import Naming
from evaluation.learners.lmm.reply import Reply
from evaluation.learners.lmm.request import OPTIONAL, Body
from invariantselect.errors import (
    InvariantSelectError,
    LearnerKeyRefusedError,
    LearnerModelUnknownError,
    LearnerRequestRefusedError,
    LearnerUnreachableError,
)
from invariantselect.retries import retry_after_seconds

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAIError

__all__ = ["Failure", "RefusedSetting", "judge", "quoted"]

_NOT_ALLOWED = frozenset({401, 402, 403})
_OF_A_SETTING = frozenset({400, 403, 422})
_OF_A_QUESTION = frozenset({400, 413, 422})
_PASSING = frozenset({408, 409, 425, 429})
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_REFUSALS = frozenset({"content_filter", "content_policy_violation", "invalid_prompt", "moderation_blocked"})
_UNSUPPORTED = re.compile(
    r"unsupported|not support|n't support|unexpected|unknown|unrecogni[sz]ed|not (?:permitted|allowed|enabled)|extra",
    re.I,
)
_MOST_SHOWN = 300

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A request that brought no reply.

    Attributes:
        error: What is raised when it isn't made again.
        passing: Whether the same request may go through later.
        after_seconds: How long the endpoint wants to be left alone; None if it doesn't say.
        billed: Whether the endpoint may have worked on it, and count it.
    """

    error: InvariantSelectError
    passing: bool = False
    after_seconds: float | None = None
    billed: bool = False


@dataclass(frozen=True)
class RefusedSetting:
    """A request that was refused for one of its optional settings."""

    name: str


def judge(
    failure: OpenAIError | TimeoutError, body: Body, naming: Naming, key: str | None
) -> Failure | RefusedSetting | Reply:
    """What a failed request means.

    Args:
        failure: As the package `openai` raised it, or a deadline that passed.
        body: What was asked.
        naming: Of the endpoint, for errors.
        key: Never quoted, whatever the endpoint says.
    """
    import httpx
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    if isinstance(failure, APIStatusError):
        return _of_status(failure, body, naming, key)
    sent = not isinstance(failure.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    if isinstance(failure, APITimeoutError | TimeoutError):
        return Failure(LearnerUnreachableError(f"{naming.endpoint} did not answer in time."), passing=True, billed=sent)
    if isinstance(failure, APIConnectionError):
        what = "broke off the connection" if sent else "can't be reached"
        cause = quoted(str(failure.__cause__ or ""), key)
        if not naming.told:  # a cause may name hosts and certificates
            _log.info("%s %s: %s", naming.base_url, what, cause)
        why = f"{what}: {cause}" if naming.told else f"{what}."
        return Failure(LearnerUnreachableError(f"{naming.endpoint} {why}"), passing=True, billed=sent)
    return Failure(LearnerRequestRefusedError(f"The request can't be sent: {type(failure).__name__}."))


def quoted(text: str, key: str | None) -> str:
    """The beginning of what an endpoint said, in one printable line without the key."""
    if key:
        text = text.replace(key, "[key]")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 10 * _MOST_SHOWN]).split())
    return line if len(line) <= _MOST_SHOWN else line[: _MOST_SHOWN - 1] + "…"


def _of_status(
    failure: APIStatusError, body: Body, naming: Naming, key: str | None
) -> Failure | RefusedSetting | Reply:
    status, code, message = failure.status_code, str(failure.code), _message_of(failure)
    said, shown = quoted(message, key), quoted(naming.without_address(message), key)
    told = f"{naming.endpoint} answers {status}: {shown or 'nothing'}"
    # Before what a status says by itself: OpenAI forbids some models to be asked for probabilities, with 403.
    setting = _refused_setting(failure, body, said) if status in _OF_A_SETTING and code not in _REFUSALS else None
    if setting is not None:
        return RefusedSetting(setting)
    if status in _NOT_ALLOWED or code in _NO_CREDIT:
        # What is said about a key may hold parts of it.
        about = "no credit" if status == 402 or code in _NO_CREDIT else "the key is not accepted"
        return Failure(LearnerKeyRefusedError(f"{naming.endpoint} answers {status}: {about}."))
    if status in _PASSING or (status >= 500 and status != 501):
        after = retry_after_seconds(failure.response.headers.get("retry-after"), time.time())
        return Failure(LearnerUnreachableError(told), passing=True, after_seconds=after)
    if code in _REFUSALS:
        return Reply(shown, refused=True)
    if status == 404 or code == "model_not_found" or f"'{body['model']}'" in said:
        return Failure(LearnerModelUnknownError(told))
    return Failure(LearnerRequestRefusedError(told, of_question=status in _OF_A_QUESTION))


def _message_of(failure: APIStatusError) -> str:
    body = failure.body
    said = body.get("message") or body.get("detail") if isinstance(body, dict) else None
    return said if isinstance(said, str) else failure.response.text


def _refused_setting(failure: APIStatusError, body: Body, said: str) -> str | None:
    """The optional setting that a refusal is about, if it is about one."""
    if not _UNSUPPORTED.search(f"{failure.code} {said}"):
        return None
    named = {failure.param, *re.findall(r"\w+", said.lower())}
    return next((name for name in OPTIONAL if name in body and name in named), None)
