"""A server with a large pool: its start, queries by vector while nothing else goes on, while it rebuilds, and between
writes. One client that asks without a pause."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from benchmarks.latencies import Asker, Latencies, UnderARebuild, enough, under_a_rebuild
from benchmarks.search.scene import Scene
from benchmarks.server import running
from benchmarks.spread import Spread
from encoders.catalog import load_encoder
from invariantselect import Client

__all__ = ["LiveFigures", "measure"]

_QUERIES, _WRITES = 100, 5


@dataclass(frozen=True)
class LiveFigures:
    """Of one pool.

    Attributes:
        ready_seconds: From the start of the process until /readyz answered 200, the exported encoder being there.
        first_ms: The first query after that, which opens the pool.
        quiet: Queries while nothing else goes on.
        rebuilding: Queries while a job rebuilds the pool, its vectors kept.
        after_write_ms: The query after each of a few deletions.
    """

    ready_seconds: float
    first_ms: float
    quiet: Latencies
    rebuilding: UnderARebuild
    after_write_ms: Spread


def measure(data: Path, *, pool: str, fingerprint: str, dim: int, recall: float | None) -> LiveFigures:
    """Serve a data directory that has the pool, rebuilt for a recall or for exact search, and ask.

    A few demonstrations are deleted.
    """
    load_encoder("efficientnet-lite0", store=data / "encoders")  # exported once, as at any start but the first
    vectors = Scene(dim).held_out(_QUERIES).tolist()
    bodies = [json.dumps({"query": {"vector": vector, "fingerprint": fingerprint}}).encode() for vector in vectors]
    with running(data) as server, Client(server.url, timeout=600) as client:
        asker = Asker(server.url, pool, cycle(bodies), "application/json")
        first = asker.ask()
        quiet = asker.until(enough())
        rebuilding = under_a_rebuild(asker, client, pool, keep_vectors=True, recall=recall)
        after = []
        for _ in range(_WRITES):
            client.delete(pool, [next(client.iterate(pool, page_size=1)).id])
            after.append(asker.ask())
        return LiveFigures(server.ready_seconds, first, quiet, rebuilding, Spread(tuple(after)))
