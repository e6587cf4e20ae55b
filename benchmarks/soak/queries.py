"""Queries by image, each of which no cache has seen: as fast as they are answered, or at a given rate."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import httpx2

from benchmarks.images import with_comment

__all__ = ["Answers", "Asker"]

_STRATEGIES = ("topk_nearest", "invariant_select")
_PATIENCE_S = 120.0


@dataclass
class Answers:
    """What came of many queries.

    Attributes:
        at: When each was due, in seconds from the beginning.
        seconds: From then to its answer.
        errors: How often which error was the answer.
        refused: How often a query was told to come again later, because the queue was full; it did, as the SDK does.
    """

    at: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    refused: int = 0

    def failed(self, what: str) -> None:
        """One more error."""
        self.errors[what] = self.errors.get(what, 0) + 1


class Asker:
    """Asks one pool, by both strategies in turn.

    Args:
        url: Of the server.
        pool: Name of the pool.
        files: JPEG files; each query is one of them under a hash of its own.
    """

    def __init__(self, url: str, pool: str, files: Sequence[bytes]) -> None:
        self._url = url
        self._path = f"/v1/pools/{pool}/select"
        self._files = files
        self._numbers = count()

    def as_fast_as_possible(self, seconds: float, *, clients: int) -> tuple[float, Answers]:
        """Answered queries a second, with so many clients who wait for an answer before they ask again."""

        async def all_of_them() -> Answers:
            answers = Answers()

            async def client(http: httpx2.AsyncClient, begun: float) -> None:
                due = begun
                while due < begun + seconds:
                    await self._ask(http, answers, begun, due)
                    due = time.perf_counter()

            async with self._http() as http:
                begun = time.perf_counter()  # the connections' certificates are read by now
                await asyncio.gather(*(client(http, begun) for _ in range(clients)))
            return answers

        answers = asyncio.run(all_of_them())
        return len(answers.seconds) / max(answers_end(answers), 1e-9), answers

    def at_rate(self, rate: float, seconds: float, *, seed: int = 0) -> Answers:
        """Queries that come when they come, `rate` a second on average, whether or not those before were answered.

        A query is late from the moment at which it was due: a server that stalls, or refuses, can't hide it.
        """
        chance = random.Random(seed)

        async def all_of_them() -> Answers:
            answers = Answers()
            asked: set[asyncio.Task[None]] = set()
            async with self._http() as http:
                due = begun = time.perf_counter()
                while (due := due + chance.expovariate(rate)) < begun + seconds:
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    task = asyncio.create_task(self._ask(http, answers, begun, due))
                    asked.add(task)
                    task.add_done_callback(asked.discard)
                await asyncio.gather(*asked)
            return answers

        return asyncio.run(all_of_them())

    async def _ask(self, http: httpx2.AsyncClient, answers: Answers, begun: float, due: float) -> None:
        number = next(self._numbers)
        image = with_comment(self._files[number % len(self._files)], f"{id(self)}-{number}")
        options = {"k": 7, "strategy": _STRATEGIES[number % len(_STRATEGIES)]}
        answer = None
        while answer is None:
            try:
                answer = await http.post(self._path, content=image, params={"options": json.dumps(options)})
            except httpx2.HTTPError as error:
                answers.failed(type(error).__name__)
                return
            if answer.status_code == 429 and time.perf_counter() - due < _PATIENCE_S:
                answers.refused += 1
                await asyncio.sleep(float(answer.headers["retry-after"]))
                answer = None
        if answer.status_code != 200:
            told = answer.json().get("code") if "json" in answer.headers.get("content-type", "") else "without a reason"
            answers.failed(f"{answer.status_code} {told}")
        elif len(answer.json()["demonstrations"]) != 7:
            answers.failed("not 7 demonstrations")
        else:
            answers.at.append(due - begun)
            answers.seconds.append(time.perf_counter() - due)

    def _http(self) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        headers = {"Content-Type": "image/jpeg"}
        return httpx2.AsyncClient(base_url=self._url, timeout=_PATIENCE_S, limits=limits, headers=headers)


def answers_end(answers: Answers) -> float:
    """When the last answer came, in seconds from the beginning."""
    return max((at + took for at, took in zip(answers.at, answers.seconds, strict=True)), default=0.0)
