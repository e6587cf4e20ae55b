"""What asking costs, and a cap on it that holds however many questions are open."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Spent"]


@dataclass(frozen=True)
class Spent:
    """What a learner has used so far.

    Attributes:
        requests: Sent, repeated and failed ones included.
        prompt_tokens: As the endpoint counted them; where it didn't say, as they were reserved.
        answer_tokens: Likewise.
        cost: Of these tokens, in the currency of the prices.
        cached: Answers that came from the cache, at no cost.
    """

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: float = 0.0
    cached: int = 0
