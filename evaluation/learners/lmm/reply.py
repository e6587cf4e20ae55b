"""What an endpoint says, as far as an answer needs it.

Source: OpenAI API reference, Chat Completions, https://platform.openai.com/docs/api-reference/chat/object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from evaluation.learners.lmm.tokens import Tokens
from invariantselect.errors import LearnerResponseInvalidError

__all__ = ["Reply", "Token", "read_reply"]


@dataclass(frozen=True)
class Token:
    """A token of an answer and the logarithm of its probability, at most 0."""

    text: str
    logprob: float


@dataclass(frozen=True)
class Reply:
    """What a model said.

    Attributes:
        text: Word for word; None if it said nothing.
        refused: Whether the text says why there is no answer: it is kept and never read for a label.
        tokens: Of the text; None where the endpoint gives no probabilities.
        used: What the endpoint counted; None where it doesn't say.
        cut_off: Whether the model had more to say than it was let.
    """

    text: str | None
    refused: bool = False
    tokens: tuple[Token, ...] | None = None
    used: Tokens | None = None
    cut_off: bool = False


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: Any = None
    finish_reason: Any = None


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Any = None


class _Token(BaseModel):
    token: str
    logprob: FiniteFloat


class _Logprobs(BaseModel):
    content: Annotated[list[_Token], Field(min_length=1)]


_Count = Annotated[int, Field(ge=0, le=2**40)]


class _Usage(BaseModel):
    prompt_tokens: _Count
    completion_tokens: _Count


def read_reply(content: bytes) -> Reply:
    """The reply in the body of a response. Probabilities and usage in another form than OpenAI's are none.

    Raises:
        LearnerResponseInvalidError: It is no chat completion.
    """
    try:
        completion = _Completion.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LearnerResponseInvalidError(
            f"The response is no chat completion: {where or 'the body'}: {first['msg']}."
        ) from None
    choice = completion.choices[0]
    used = _used(completion.usage)
    if choice.message.refusal:
        return Reply(choice.message.refusal, refused=True, used=used)
    cut_off = choice.finish_reason == "length"
    return Reply(choice.message.content, tokens=_tokens(choice.logprobs), used=used, cut_off=cut_off)


def _tokens(logprobs: Any) -> tuple[Token, ...] | None:
    try:
        tokens = _Logprobs.model_validate(logprobs).content
    except ValidationError:
        return None
    return tuple(Token(each.token, min(each.logprob, 0.0)) for each in tokens)


def _used(usage: Any) -> Tokens | None:
    try:
        counted = _Usage.model_validate(usage)
    except ValidationError:
        return None
    return Tokens(counted.prompt_tokens, counted.completion_tokens)
