"""A scripted endpoint, and a learner that asks it."""

from __future__ import annotations

import io
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evaluation.learners.learner import Question
from evaluation.learners.lmm import Lmm, LmmOptions
from tests.client.scripted_server import Reply, ScriptedServer, as_json

KEY = "sk-test-a-key-that-nobody-has-0123456789"


def completion(
    text: str | None, *, refusal: str | None = None, usage: Any = (50, 4), logprobs: Any = None, finish: str = "stop"
) -> Reply:
    """A chat completion as OpenAI's reference describes it; `logprobs` are pairs of a token and its probability."""
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text, "refusal": refusal},
        "logprobs": None,
    }
    if logprobs is not None:
        tokens = [{"token": token, "logprob": math.log(p), "bytes": None, "top_logprobs": []} for token, p in logprobs]
        choice["logprobs"] = {"content": tokens, "refusal": None}
    body: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    if usage is not None:
        prompt, answer = usage
        body["usage"] = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return as_json(body)


def refusal(status: int, message: str, headers: dict[str, str] | None = None, **error: Any) -> Reply:
    """An error as OpenAI's endpoints tell it."""
    return as_json(
        {"error": {"message": message, "type": "error", "param": None, "code": None, **error}}, status, headers
    )


def picture(id: str) -> bytes:
    """A small image file that is different for each id."""
    shade = int.from_bytes(id.encode()[-2:], "big")
    file = io.BytesIO()
    Image.new("RGB", (12, 10), (shade % 256, shade // 256, len(id))).save(file, "PNG")
    return file.getvalue()


def question(query: str = "q0", labels: tuple[str, ...] = ("cat", "dog")) -> Question:
    """A question with demonstrations d0, d1, …, or none."""
    vectors = np.eye(4, dtype=np.float32)[: len(labels)]
    return Question(
        query=query,
        vector=np.eye(4, dtype=np.float32)[0],
        classes=("cat", "dog", "fox"),
        ids=tuple(f"d{number}" for number in range(len(labels))),
        labels=labels,
        scores=tuple(0.9 - 0.1 * number for number in range(len(labels))),
        vectors=vectors,
    )


class Naps:
    """Sleeps that only take note."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@asynccontextmanager
async def asking(
    server: ScriptedServer,
    cache: Path | None = None,
    *,
    sleep: Callable[[float], Any] | None = None,
    **options: Any,
) -> AsyncIterator[Lmm]:
    """A learner that asks the scripted endpoint."""
    settled = LmmOptions(options.pop("model", "tiny"), options.pop("base_url", f"{server.url}/v1"), **options)
    lmm = Lmm(settled, picture=picture, cache=cache, sleep=sleep or Naps())
    try:
        yield lmm
    finally:
        await lmm.aclose()
