"""REST against the same work by hand: select by image with 1, 8 and 32 clients, in batches, and by vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import faiss

from benchmarks import by_hand, clients
from benchmarks.images import jpeg_crops, with_comment
from benchmarks.latencies import Asker, Latencies, UnderARebuild, enough, under_a_rebuild
from benchmarks.pools import fill
from benchmarks.server import running
from benchmarks.spread import Spread
from encoders.catalog import load_encoder
from encoders.encoder import Encoder
from invariantselect import Client

POOL = "bench"
CROWDS = (8, 32)
_STARTS = 3


@dataclass(frozen=True)
class RestFigures:
    """Milliseconds an image or a vector, and seconds until a server is ready.

    Attributes:
        pool_size: Demonstrations in the pool.
        by_hand_ms: Decode, encode and FAISS in a loop.
        in_batches_ms: The same in batches.
        alone_ms: Select by image, one client.
        crowd_ms: Select by image, by the number of clients.
        batch_ms: `select:batch` of as many images as a batch by hand has, one client.
        faiss_ms: FAISS by vector in a loop.
        vector_ms: Select by vector, one client.
        ready_seconds: From the start of the process to a first 200 of /readyz, the exported encoder being there.
        quiet: Select by image, one client, query by query.
        rebuilding: The same while a job encodes the pool anew.
    """

    pool_size: int
    by_hand_ms: Spread
    in_batches_ms: Spread
    alone_ms: Spread
    crowd_ms: Mapping[int, Spread]
    batch_ms: Spread
    faiss_ms: Spread
    vector_ms: Spread
    ready_seconds: Spread
    quiet: Latencies
    rebuilding: UnderARebuild


def measure(workplace: Path, *, pool_size: int, images: int, rounds: int) -> RestFigures:
    """Rounds of all of them, in turn, over images that no cache has seen."""
    encoder = load_encoder("efficientnet-lite0", store=workplace / "encoders")
    identity = encoder.identity
    fill(
        workplace,
        name=POOL,
        encoder=identity.name,
        fingerprint=identity.fingerprint,
        dim=identity.dim,
        count=pool_size,
    )
    index = by_hand.flat_index(identity.dim, pool_size)
    starts = []
    for _ in range(_STARTS - 1):
        with running(workplace) as server:
            starts.append(server.ready_seconds)
    with running(workplace) as server:
        starts.append(server.ready_seconds)
        works = _works(server.url, encoder, index, jpeg_crops(images))
        for work in works.values():
            work("warm-up")
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for number in range(rounds):
            for name, work in works.items():
                seconds[name].append(work(str(number)))
        quiet, rebuilding = _beside_a_rebuild(server.url, jpeg_crops(images))
    spreads = {name: Spread(tuple(1000 * each / images for each in rounds_)) for name, rounds_ in seconds.items()}
    return RestFigures(
        pool_size,
        spreads["by hand"],
        spreads["in batches"],
        spreads["alone"],
        {number: spreads[f"crowd {number}"] for number in CROWDS},
        spreads["batch"],
        spreads["faiss"],
        spreads["vector"],
        Spread(tuple(starts)),
        quiet,
        rebuilding,
    )


def _beside_a_rebuild(url: str, crops: Sequence[bytes]) -> tuple[Latencies, UnderARebuild]:
    unseen = (with_comment(crops[number % len(crops)], f"beside-{number}") for number in count())
    asker = Asker(url, POOL, unseen, "image/jpeg")
    with Client(url, timeout=600) as client:
        return asker.until(enough()), under_a_rebuild(asker, client, POOL, keep_vectors=False)


def _works(
    url: str, encoder: Encoder, index: faiss.IndexFlatIP, crops: Sequence[bytes]
) -> Mapping[str, Callable[[str], float]]:
    """What is measured, by name: takes a word that no other round has, gives seconds."""
    vectors = by_hand.unit_vectors(encoder.identity.dim, len(crops), seed=1)
    fingerprint = encoder.identity.fingerprint

    def unseen(word: str) -> list[bytes]:
        return [with_comment(crop, word) for crop in crops]

    def crowd(number: int) -> Callable[[str], float]:
        return lambda word: clients.select_all(url, POOL, unseen(f"{number}-{word}"), clients=number)

    return {
        "by hand": lambda _: by_hand.seconds(encoder, index, crops),
        "alone": crowd(1),
        "in batches": lambda _: by_hand.seconds_in_batches(encoder, index, crops),
        **{f"crowd {number}": crowd(number) for number in CROWDS},
        "batch": lambda word: clients.select_batches(url, POOL, unseen(f"batch-{word}"), size=by_hand.BATCH),
        "faiss": lambda _: by_hand.search_seconds(index, vectors),
        "vector": lambda _: clients.select_vectors(url, POOL, fingerprint, vectors, clients=1),
    }
