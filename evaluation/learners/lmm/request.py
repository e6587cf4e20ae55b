"""The request: the prompt that a user's pipeline would send, settings that make it repeatable, and the name of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from evaluation.learners.learner import Question
from evaluation.learners.lmm.options import LmmOptions
from evaluation.learners.lmm.tokens import Tokens
from invariantselect.prompts import ImageBudget, Labelled, build_prompt, openai_chat

__all__ = ["OPTIONAL", "Body", "Messages", "digest_of", "messages_of", "most_tokens_of", "settings_of"]

Messages: TypeAlias = list[dict[str, Any]]
Body: TypeAlias = dict[str, Any]

OPTIONAL = ("logprobs", "seed", "temperature", "max_tokens")
"""Settings that an endpoint may refuse. The last then goes by its newer name, the others are left out."""

_A_MESSAGE = 16
_A_TEMPLATE = 64
"""Tokens that an endpoint may put around a message and around the whole; generous."""


def messages_of(question: Question, options: LmmOptions, picture: Callable[[str], bytes]) -> Messages:
    """The prompt of a question, built by the SDK: all classes are listed, the most similar demonstration stands last.

    Args:
        question: Without demonstrations, the same is asked of the query alone.
        options: The words, the layout and the size of the images.
        picture: Bytes of the image file of an id.

    Raises:
        PromptInvalidError: The labels can't be told apart in a prompt.
        ImageUnreadableError: An image is damaged, or another error of `build_prompt`.
    """
    shown = [Labelled(id, label, picture(id)) for id, label in zip(question.ids, question.labels, strict=True)]
    prompt = build_prompt(
        shown[::-1],
        question=options.question,
        choices=question.classes,
        layout=options.layout,
        budget=ImageBudget(max_side=options.image_side),
        query_image=picture(question.query),
    )
    return openai_chat.render(prompt, detail="auto")


def settings_of(options: LmmOptions, refused: Iterable[str] = ()) -> Body:
    """All of a request but its messages.

    Args:
        options: The model and the longest answer.
        refused: Settings that the endpoint refuses.
    """
    settings: Body = {
        "model": options.model,
        "temperature": 0.0,
        "seed": 0,
        "logprobs": True,
        "max_tokens": options.most_tokens,
    }
    for name in refused:
        value = settings.pop(name, None)
        if name == "max_tokens" and value is not None:
            settings["max_completion_tokens"] = value
    return settings


def digest_of(base_url: str, content: Body) -> str:
    """SHA-256 of what is asked and of whom, as 64 hexadecimal digits.

    Args:
        base_url: Of the endpoint.
        content: JSON values, such as the whole body of a request, images and all.
    """
    text = json.dumps([base_url, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def most_tokens_of(messages: Messages, options: LmmOptions) -> Tokens:
    """What a request may take at most: a token is at least a byte of text; images are as dear as the options say."""
    prompt = _A_TEMPLATE
    for message in messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        prompt += _A_MESSAGE + sum(
            len(part["text"].encode()) if part["type"] == "text" else options.image_tokens for part in parts
        )
    return Tokens(prompt, options.most_tokens)
