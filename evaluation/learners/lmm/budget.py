"""What asking costs, and a cap on it that holds however many questions are open: first reserve, then ask."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass

from evaluation.learners.lmm.account import Account, Spending
from evaluation.learners.lmm.options import LmmOptions
from evaluation.learners.lmm.tokens import Tokens
from invariantselect.errors import LearnerBudgetSpentError

__all__ = ["Budget", "Reserved", "Spent"]

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class Reserved:
    """What is set aside for a request.

    Attributes:
        tokens: So much.
        estimate: What the request was said to take at most, before that was raised.
    """

    tokens: Tokens
    estimate: Tokens


class Budget:
    """Counts requests and tokens, and lets no request begin that could exceed a cap. Of one event loop.

    Tokens are whole numbers, and money is worked out from them, so that nothing is lost in adding up.

    Args:
        options: Its caps and prices.
        account: What was spent of it before, and where is written what is spent; None for nothing, and nowhere.
    """

    def __init__(self, options: LmmOptions, account: Account | None = None) -> None:
        self._options = options
        self._account = account
        before = Spending() if account is None else account.before
        self._requests = before.requests
        self._used = before.tokens
        self._open = Tokens()
        self._underestimate = 1.0
        self._settled = asyncio.Event()

    @property
    def requests(self) -> int:
        """Requests that began, those of the account included."""
        return self._requests

    @property
    def used(self) -> Tokens:
        """Tokens of the requests that ended, likewise."""
        return self._used

    @property
    def cost(self) -> float:
        """What the tokens used cost."""
        return self._price(self._used)

    async def reserve(self, most: Tokens) -> Reserved:
        """Set aside what a request may cost, and count it.

        Where the caps have no room only because of what others have set aside, wait for them: they rarely need all.

        Args:
            most: What the request may take. If endpoints counted more than that before, it is raised in proportion.

        Returns:
            What was set aside, for `settle`.

        Raises:
            LearnerBudgetSpentError: There is no room, whatever the others take.
            OSError: It can't be written down, so the request must not be sent.
        """
        while True:
            wanted = Tokens(math.ceil(most.prompt * self._underestimate), most.answer)
            self._check(wanted)
            if self._fits(self._used + self._open + wanted):
                # Now and not when it ends: a process that is killed may have sent it.
                self._write(self._requests + 1, self._used + self._open + wanted)
                self._requests += 1
                self._open += wanted
                return Reserved(wanted, most)
            await self._settled.wait()

    def settle(self, reserved: Reserved, used: Tokens) -> None:
        """Put what a request took in the place of what was set aside for it.

        Args:
            reserved: What `reserve` gave.
            used: What was taken: nothing if nothing can have been billed, `reserved.tokens` if that isn't known.
        """
        self._open -= reserved.tokens
        self._used += used
        # By the estimate and not by what was set aside: of many requests that are open, each says the same once more.
        factor = used.prompt / max(1, reserved.estimate.prompt)
        if factor > self._underestimate:
            self._underestimate = factor
            _log.warning(
                "a prompt took %d tokens, and %d is the most it was said to: image_tokens is too low",
                used.prompt,
                reserved.estimate.prompt,
            )
        self._settled.set()
        self._settled = asyncio.Event()

    def close(self) -> None:
        """Write down what was spent in the end; until then it is more, by what was set aside and not taken."""
        try:
            self._write(self._requests, self._used + self._open)
        except OSError as error:
            _log.warning("what was spent is written down as more than it was: %s", error)

    def _write(self, requests: int, tokens: Tokens) -> None:
        if self._account is not None:
            self._account.write(Spending(requests, tokens))

    def _check(self, wanted: Tokens) -> None:
        most = self._options.most_requests
        if most is not None and self._requests >= most:
            raise LearnerBudgetSpentError(f"All {most} requests of the budget are used.")
        if not self._fits(self._used + wanted):
            raise LearnerBudgetSpentError(
                f"Of {self._options.most_cost:g}, {self.cost:.6g} are used, and the next request "
                f"may cost {self._price(wanted):.6g}."
            )

    def _fits(self, tokens: Tokens) -> bool:
        return self._options.most_cost is None or self._price(tokens) <= self._options.most_cost

    def _price(self, tokens: Tokens) -> float:
        return (tokens.prompt * self._options.price_in + tokens.answer * self._options.price_out) / 1_000_000
