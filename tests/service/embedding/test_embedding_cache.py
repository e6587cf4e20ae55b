"""The cache of vectors, with a real Redis that is killed and comes back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis

from encoders.decode import DecodeLimits
from service.embedding.embedder import Embedded, Embedder
from service.embedding.embedding_cache import EmbeddingCache, connect_redis
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.redis_server import RealRedis, needs_redis
from tests.service.conftest import Serve
from tests.service.pictures import data_uri, png


class Counting(PixelEncoder):
    """An encoder that counts the pictures it was given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pictures = 0

    def forward(self, batch: np.ndarray) -> np.ndarray:
        self.pictures += len(batch)
        return super().forward(batch)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path)
    server.start()
    yield server
    server.kill()


@contextmanager
def embedding(cache: EmbeddingCache) -> Iterator[tuple[Embedder, Counting]]:
    encoder = Counting()
    try:
        yield Embedder(encoder, DecodeLimits(), cache=cache), encoder
    finally:
        cache.close()


def vectors(embedder: Embedder, *numbers: int) -> np.ndarray:
    results = embedder.embed([png(number) for number in numbers])
    return np.stack([each.vector for each in results if isinstance(each, Embedded)])


def test_an_image_seen_before_is_not_encoded_again() -> None:
    with embedding(EmbeddingCache(10_000, None, Metrics())) as (embedder, encoder):
        first = vectors(embedder, 1, 2, 3)
        np.testing.assert_array_equal(vectors(embedder, 3, 1, 2), first[[2, 0, 1]])
        assert encoder.pictures == 3
        vectors(embedder, 4, 1)
        assert encoder.pictures == 4


def test_a_broken_image_fails_alone_and_is_not_kept() -> None:
    with embedding(EmbeddingCache(10_000, None, Metrics())) as (embedder, encoder):
        results = embedder.embed([png(1), b"broken", png(2)])
        assert [isinstance(each, Embedded) for each in results] == [True, False, True]
        assert encoder.pictures == 2


def test_more_images_than_are_decoded_at_once_keep_their_order() -> None:
    with embedding(EmbeddingCache(0, None, Metrics())) as (embedder, _):
        numbers = [number % 11 for number in range(100)]
        expected = vectors(embedder, *range(11))
        np.testing.assert_array_equal(vectors(embedder, *numbers), expected[numbers])


def test_memory_is_bounded_and_what_was_used_last_stays() -> None:
    size = 4 * 16 + 200
    cache = EmbeddingCache(3 * size, None, Metrics())
    ones = np.ones(16, np.float32)
    for name in "abc":
        cache.put("f", [(name, ones)])
    cache.get("f", ["a"], 16)
    cache.put("f", [("d", ones)])
    known = cache.get("f", ["a", "b", "c", "d"], 16)
    assert [vector is not None for vector in known] == [True, False, True, True]


def test_no_memory_keeps_nothing() -> None:
    cache = EmbeddingCache(0, None, Metrics())
    cache.put("f", [("a", np.ones(4, np.float32))])
    assert cache.get("f", ["a"], 4) == [None]


def test_vectors_of_two_encoders_are_kept_apart_and_can_not_be_altered() -> None:
    cache = EmbeddingCache(10_000, None, Metrics())
    vector = np.ones(4, np.float32)
    cache.put("one", [("a", vector)])
    vector[:] = 7
    (kept,) = cache.get("one", ["a"], 4)
    assert kept is not None
    assert kept.tolist() == [1.0] * 4
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 3
    assert cache.get("other", ["a"], 4) == [None]


def test_many_threads_may_use_it_at_once() -> None:
    cache = EmbeddingCache(50 * 300, None, Metrics())
    wrong: list[int] = []

    def hammer(seed: int) -> None:
        for number in np.random.default_rng(seed).integers(0, 200, 400):
            cache.put("f", [(str(number), np.full(16, number, np.float32))])
            (found,) = cache.get("f", [str(number)], 16)
            if found is not None and found[0] != number:
                wrong.append(int(number))

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache._bytes == sum(vector.nbytes + 200 for vector in cache._kept.values()) <= 50 * 300


@needs_redis
def test_servers_share_vectors_through_redis(redis: RealRedis) -> None:
    with embedding(EmbeddingCache(10_000, connect_redis(redis.url), Metrics())) as (embedder, _):
        first = vectors(embedder, 1, 2)
    metrics = Metrics()
    with embedding(EmbeddingCache(10_000, connect_redis(redis.url), metrics)) as (embedder, encoder):
        np.testing.assert_array_equal(
            vectors(embedder, 2, 1, 3), first[[1, 0]].tolist() + vectors(embedder, 3).tolist()
        )
        assert encoder.pictures == 1
    assert 'embedding_cache_total{found="redis"} 2.0' in metrics.exposition().decode()


@needs_redis
def test_what_redis_holds_is_not_believed_blindly(redis: RealRedis) -> None:
    cache = EmbeddingCache(0, connect_redis(redis.url), Metrics())
    cache.put("f", [("a", np.ones(4, np.float32))])
    assert cache.get("f", ["a"], 5) == [None]
    with Redis.from_url(redis.url) as raw:
        (key,) = raw.keys("*")
        assert 0 < raw.ttl(key) <= 30 * 24 * 3600
        for wrong in (np.nan, np.inf, 0.0, 0.501, 3.0):  # four halves have the length one
            raw.set(key, np.full(4, wrong, "<f4").tobytes())
            assert cache.get("f", ["a"], 4) == [None]
        raw.set(key, np.full(4, 0.5, "<f4").tobytes())
        [found] = cache.get("f", ["a"], 4)
        assert found is not None
        assert found.tolist() == [0.5] * 4
    cache.close()


@needs_redis
def test_losing_redis_loses_nothing_is_logged_once_and_is_recovered_from(
    redis: RealRedis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cache = EmbeddingCache(0, connect_redis(redis.url), Metrics(), pause=0.0)
    with embedding(cache) as (embedder, encoder):
        expected = vectors(embedder, 1)
        redis.kill()
        for _ in range(5):
            np.testing.assert_array_equal(vectors(embedder, 1), expected)
        assert encoder.pictures == 6
        redis.start()
        np.testing.assert_array_equal(vectors(embedder, 1), expected)
        np.testing.assert_array_equal(vectors(embedder, 1), expected)
        assert encoder.pictures == 7
    said = [record.getMessage() for record in caplog.records if record.name == "service.embedding.embedding_cache"]
    assert said == ["redis_lost", "redis_found_again"]


@needs_redis
def test_a_redis_that_hangs_costs_a_moment_once(redis: RealRedis) -> None:
    cache = EmbeddingCache(0, connect_redis(redis.url), Metrics(), pause=60.0)
    with embedding(cache) as (embedder, encoder):
        vectors(embedder, 1)
        redis.stop_answering()
        began = time.monotonic()
        for _ in range(20):
            vectors(embedder, 1)
        spent = time.monotonic() - began
        redis.answer_again()
        assert encoder.pictures == 21
        assert spent < 5


@needs_redis
def test_a_server_answers_the_same_with_redis_without_it_and_while_it_dies(serve: Serve, redis: RealRedis) -> None:
    encoder = Counting()
    client = serve(load=lambda _: encoder, redis_url=redis.url, embedding_cache_bytes=0)
    client.post("/v1/pools", json={"name": "p"})
    sent = [{"id": str(number), "image": data_uri(number), "label": "x"} for number in range(8)]
    client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent})
    query = {"query": {"image": data_uri(3)}, "k": 4}
    before = client.post("/v1/pools/p/select", json=query).json()
    seen = encoder.pictures
    client.post("/v1/embeddings", json={"input": [data_uri(number) for number in range(8)]})
    assert encoder.pictures == seen
    redis.kill()
    after = client.post("/v1/pools/p/select", json=query).json()
    assert after["demonstrations"] == before["demonstrations"]
    more = client.post(
        "/v1/pools/p/demonstrations:upsert", json={"demonstrations": [{**sent[0], "id": "new", "label": "y"}]}
    )
    assert more.json()["outcomes"][0]["status"] == "created"
    assert encoder.pictures == seen + 2


def test_a_redis_that_was_never_there_stops_nobody(serve: Serve) -> None:
    client = serve(redis_url="redis://127.0.0.1:1/0")
    assert client.post("/v1/embeddings", json={"input": data_uri(1)}).status_code == 200
