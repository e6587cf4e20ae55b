"""What a large multimodal model is asked with, and what that may cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evaluation.learners.lmm.address import check_address
from invariantselect.errors import InvalidRequestError
from invariantselect.prompts import Layout

__all__ = ["LmmOptions"]

_LEAST = {
    "concurrency": 1,
    "timeout_seconds": 0.001,
    "retries": 0,
    "most_requests": 0,
    "most_cost": 0,
    "price_in": 0,
    "price_out": 0,
    "image_side": 8,
    "image_tokens": 1,
    "most_tokens": 1,
}
_MOST_RETRIES = 100


@dataclass(frozen=True)
class LmmOptions:
    """Which model, where, with what words, and how much of it.

    Take `base_url` and `key_variable` from whoever owns this process, never from a request: together they send the
    value of any environment variable anywhere.

    Attributes:
        model: Name of the model, as the endpoint knows it.
        base_url: Of the endpoint, such as ``http://127.0.0.1:8000/v1``; None for the `openai` package's own default,
            which the environment's ``OPENAI_BASE_URL`` sets. It holds no key: no user, no query, no fragment.
        key_variable: Name of the environment variable that holds the key. The key is sent over https and to this
            machine itself, nowhere else; plain http needs none.
        question: Asked of every image.
        concurrency: Most requests that are open at a time.
        timeout_seconds: For one request, from its first byte to the answer's last.
        retries: How often a request that failed for a passing reason is made again; at most 100.
        most_requests: Budget in requests, repeated ones included; None for no limit. Cached answers are free.
        most_cost: Budget in money, in the currency of the prices; None for no limit. It needs a price.
        price_in: Of a million prompt tokens.
        price_out: Of a million answer tokens.
        image_side: Longest side of the images sent, in pixels.
        image_tokens: Most prompt tokens that an image of this size is billed as; what the budget reserves for one. The
            usual is what the dearest known model takes (gpt-4o-mini: 2,833 + 5,667).
        most_tokens: Longest answer, in tokens; a model that thinks aloud needs more.
        layout: How demonstrations and query stand in the prompt.
        tells_address: Whether errors say where the endpoint is and which variable holds its key. Otherwise only the log
            does: for errors that are read by others than the owner of this process.

    Raises:
        InvalidRequestError: A value that can't be.
    """

    model: str
    base_url: str | None = None
    key_variable: str = "OPENAI_API_KEY"
    question: str = "Which class is shown?"
    concurrency: int = 4
    timeout_seconds: float = 60.0
    retries: int = 4
    most_requests: int | None = None
    most_cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    image_side: int = 336
    image_tokens: int = 8_500
    most_tokens: int = 64
    layout: Layout = "interleaved"
    tells_address: bool = True

    def __post_init__(self) -> None:
        if not self.model.strip() or not self.model.isprintable():
            raise InvalidRequestError(
                "The name of the model is blank, or holds what can't be printed.",
                hint="Name a model that the endpoint serves.",
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise InvalidRequestError(f"{name} is {value}.", hint=f"Give a number from {least} on.")
        if self.retries > _MOST_RETRIES:
            raise InvalidRequestError(
                f"retries is {self.retries}.",
                hint=f"Give at most {_MOST_RETRIES}: what fails for so long is run again another time.",
            )
        if self.most_cost is not None and not self.price_in and not self.price_out:
            raise InvalidRequestError(
                "A budget in money needs a price.", hint="Give price_in and price_out, of a million tokens each."
            )
        if self.base_url is not None:
            check_address(self.base_url)
