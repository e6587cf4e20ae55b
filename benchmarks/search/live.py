"""A server with a large pool: its start, queries by vector while nothing else goes on, while it rebuilds, and between
writes. One client that asks without a pause."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from jaxtyping import Float32

from benchmarks.search.scene import Scene
from benchmarks.server import running
from benchmarks.spread import Spread
from invariantselect import Client

__all__ = ["Latencies", "LiveFigures", "measure"]

_SECONDS, _LEAST = 20.0, 100
_WRITES = 5
_AROUND_SECONDS = 5.0


@dataclass(frozen=True)
class Latencies:
    """Milliseconds of queries one after another; the failed ones are counted and have none."""

    ms: tuple[float, ...]
    failed: int

    def percentile(self, percent: float) -> float:
        """So many percent of them took at most this long."""
        return float(np.percentile(self.ms, percent))


@dataclass(frozen=True)
class LiveFigures:
    """Of one pool.

    Attributes:
        count: Demonstrations in the pool.
        ready_seconds: From the start of the process until /readyz answered 200.
        first_ms: The first query after that, which opens the pool.
        quiet: Queries while nothing else goes on.
        rebuilding: Queries while a job rebuilds the pool and its new segment is swapped in, until a second after.
        rebuild_seconds: How long that job took.
        swap_ms: The slowest of the queries around the first that was answered from the rebuilt pool.
        after_write_ms: The query after each of a few deletions.
    """

    count: int
    ready_seconds: float
    first_ms: float
    quiet: Latencies
    rebuilding: Latencies
    rebuild_seconds: float
    swap_ms: float
    after_write_ms: Spread


def measure(data: Path, *, pool: str, fingerprint: str, dim: int, count: int) -> LiveFigures:
    """Serve a data directory that has the pool, and ask."""
    vectors = Scene(dim).held_out(_LEAST)
    with running(data) as server, Client(server.url, timeout=600) as client:
        asker = _Asker(server.url, pool, fingerprint, vectors)
        first = asker.ask()
        quiet = asker.until(_enough())
        rebuilding, seconds, swap = _under_a_rebuild(asker, client, pool)
        after = []
        for number in range(_WRITES):
            client.delete(pool, [f"demonstration-{number:07d}"])
            after.append(asker.ask())
        return LiveFigures(count, server.ready_seconds, first, quiet, rebuilding, seconds, swap, Spread(tuple(after)))


def _enough() -> Callable[[int], bool]:
    end = time.monotonic() + _SECONDS
    return lambda asked: asked >= _LEAST and time.monotonic() >= end


def _under_a_rebuild(asker: _Asker, client: Client, pool: str) -> tuple[Latencies, float, float]:
    ended = threading.Event()
    took: list[float] = []

    def rebuild() -> None:
        begun = time.monotonic()
        try:
            job = client.wait_for_job(client.rebuild(pool, keep_vectors=True).id)
            if job.state == "succeeded":
                took.append(time.monotonic() - begun)
        finally:
            ended.set()

    over: list[float] = []

    def later(_asked: int) -> bool:
        if ended.is_set() and not over:
            over.append(time.monotonic())
        return bool(over) and time.monotonic() > over[0] + 1

    thread = threading.Thread(target=rebuild)
    thread.start()
    before = len(asker.answered)
    latencies = asker.until(later)
    thread.join()
    if not took:
        raise RuntimeError("the rebuild failed; see server.log")
    answered = asker.answered[before:]
    swapped = next(each.at for each in answered if each.snapshot != answered[0].snapshot)
    return latencies, took[0], max(each.ms for each in answered if abs(each.at - swapped) < _AROUND_SECONDS)


@dataclass(frozen=True)
class _Answered:
    at: float
    ms: float
    snapshot: int


class _Asker:
    def __init__(self, url: str, pool: str, fingerprint: str, vectors: Float32[np.ndarray, "n dim"]) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=600)
        self._path = f"/v1/pools/{pool}/select"
        self._bodies = [
            json.dumps({"query": {"vector": vector.tolist(), "fingerprint": fingerprint}}) for vector in vectors
        ]
        self.answered: list[_Answered] = []

    def ask(self) -> float:
        """Milliseconds until a query was answered with 7 demonstrations."""
        body = self._bodies[len(self.answered) % len(self._bodies)]
        begun = time.monotonic()
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        ms = 1e3 * (time.monotonic() - begun)
        answer = json.loads(content)
        if response.status != 200 or len(answer["demonstrations"]) != 7:
            raise RuntimeError(f"not what was asked for: {response.status} {content[:500]!r}")
        self.answered.append(_Answered(begun, ms, answer["snapshot"]))
        return ms

    def until(self, over: Callable[[int], bool]) -> Latencies:
        """Ask until told to stop."""
        taken: list[float] = []
        failed = 0
        while not over(len(taken) + failed):
            try:
                taken.append(self.ask())
            except (RuntimeError, OSError):
                failed += 1
                self._connection.close()
        return Latencies(tuple(taken), failed)
