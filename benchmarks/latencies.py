"""How long each of many queries took, asked one after another by one client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np

from invariantselect import Client

__all__ = ["Asker", "Latencies", "UnderARebuild", "enough", "under_a_rebuild"]

_SECONDS, _LEAST = 20.0, 100
_AROUND_SECONDS = 5.0


@dataclass(frozen=True)
class Latencies:
    """Milliseconds of queries one after another; the failed ones are counted and have none."""

    ms: tuple[float, ...]
    failed: int

    def percentile(self, percent: float) -> float:
        """So many percent of them took at most this long."""
        return float(np.percentile(self.ms, percent))

    def told(self) -> str:
        """Median and p99."""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"median {self.percentile(50):.1f}, p99 {self.percentile(99):.1f} ms of {len(self.ms)}{failed}"

    def beside(self, quiet: Latencies) -> str:
        """Ratios of median and p99 to those of a quiet time."""
        return " and ".join(f"{self.percentile(each) / quiet.percentile(each):.2f}" for each in (50, 99))


@dataclass(frozen=True)
class _Answered:
    at: float
    ms: float
    snapshot: int


class Asker:
    """One client of one pool that asks for selections.

    Args:
        url: Of the server.
        pool: Its name.
        bodies: Of the requests, as many as will be needed.
        media_type: Of the bodies.
    """

    def __init__(self, url: str, pool: str, bodies: Iterable[bytes], media_type: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=600)
        self._path = f"/v1/pools/{pool}/select"
        self._bodies = iter(bodies)
        self._headers = {"Content-Type": media_type}
        self.answered: list[_Answered] = []

    def ask(self) -> float:
        """Milliseconds until a query was answered with 7 demonstrations.

        Raises:
            RuntimeError: It wasn't.
        """
        body = next(self._bodies)
        begun = time.monotonic()
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        ms = round(1e3 * (time.monotonic() - begun), 3)  # of thousands of queries, in a file
        answer = json.loads(content)
        if response.status != 200 or len(answer["demonstrations"]) != 7:
            raise RuntimeError(f"not what was asked for: {response.status} {content[:500]!r}")
        self.answered.append(_Answered(begun, ms, answer["snapshot"]))
        return ms

    def until(self, over: Callable[[int], bool]) -> Latencies:
        """Ask until told to stop by who is told how often was asked."""
        taken: list[float] = []
        failed = 0
        while not over(len(taken) + failed):
            try:
                taken.append(self.ask())
            except (RuntimeError, OSError):
                failed += 1
                self._connection.close()
        return Latencies(tuple(taken), failed)


def enough() -> Callable[[int], bool]:
    """Twenty seconds, and a hundred queries."""
    end = time.monotonic() + _SECONDS
    return lambda asked: asked >= _LEAST and time.monotonic() >= end


@dataclass(frozen=True)
class UnderARebuild:
    """What queries see of a rebuild.

    Attributes:
        latencies: From its beginning until a second after its end.
        seconds: How long the job took.
        swap_ms: The slowest of the queries around the first that was answered from the rebuilt pool.
    """

    latencies: Latencies
    seconds: float
    swap_ms: float


def under_a_rebuild(
    asker: Asker, client: Client, pool: str, *, keep_vectors: bool, recall: float | None = None
) -> UnderARebuild:
    """Ask while a job rebuilds the pool, for a recall or for exact search.

    Raises:
        RuntimeError: The rebuild failed.
    """
    ended = threading.Event()
    took: list[float] = []
    over: list[float] = []

    def rebuild() -> None:
        begun = time.monotonic()
        try:
            job = client.wait_for_job(client.rebuild(pool, keep_vectors=keep_vectors, recall=recall).id)
            if job.state == "succeeded":
                took.append(time.monotonic() - begun)
        finally:
            ended.set()

    def a_second_later(_asked: int) -> bool:
        if ended.is_set() and not over:
            over.append(time.monotonic())
        return bool(over) and time.monotonic() > over[0] + 1

    thread = threading.Thread(target=rebuild)
    thread.start()
    before = len(asker.answered)
    latencies = asker.until(a_second_later)
    thread.join()
    if not took:
        raise RuntimeError("the rebuild failed; see server.log")
    answered = asker.answered[before:]
    swapped = next(each.at for each in answered if each.snapshot != answered[0].snapshot)
    swap = max(each.ms for each in answered if abs(each.at - swapped) < _AROUND_SECONDS)
    return UnderARebuild(latencies, took[0], swap)
