"""Vectors of images that were encoded before, by content hash and fingerprint of the encoder's trunk.

Two levels: a bounded dictionary in this process, and Redis for what several servers share. Either may lose anything at
any time: then the image is encoded again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from service.metrics import Metrics

__all__ = ["EmbeddingCache", "connect_redis"]

_log = structlog.get_logger("service.embedding.embedding_cache")

_REDIS_SECONDS = 0.25
_REDIS_PAUSE = 5.0
_REDIS_LIFE = 30 * 24 * 3600
_OVERHEAD = 200  # bytes of a dictionary entry beside the vector, about
_UNIT = 1e-4  # how far a float32 vector of length one may be from it

Vector = NDArray[np.float32]


def connect_redis(url: str) -> Redis:
    """A client that gives up quickly: waiting for a cache must not take longer than encoding."""
    return Redis.from_url(
        url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=0,
    )


class EmbeddingCache:
    """Looks vectors up and keeps them. Thread-safe.

    Args:
        max_bytes: Memory for vectors; 0 keeps none here.
        redis: Shared cache; None for none.
        metrics: Where hits and misses are counted.
        pause: Seconds during which a Redis that failed is left alone.
    """

    def __init__(self, max_bytes: int, redis: Redis | None, metrics: Metrics, *, pause: float = _REDIS_PAUSE) -> None:
        self._max_bytes = max_bytes
        self._redis = redis
        self._metrics = metrics
        self._pause = pause
        self._kept: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._redis_rests_until = 0.0
        self._redis_failing = False

    def get(self, fingerprint: str, hashes: Sequence[str], dim: int) -> list[Vector | None]:
        """The vectors of images, None for one that is not known.

        Args:
            fingerprint: Of the trunk, so that encoders that differ only behind it share an entry.
            hashes: SHA-256 of the image files.
            dim: Length that a vector must have; a stored one of another length is not believed.
        """
        found = self._from_memory(fingerprint, hashes)
        missing = [number for number, vector in enumerate(found) if vector is None]
        self._metrics.cached.labels("memory").inc(len(hashes) - len(missing))
        if not missing:
            return found
        shared = self._from_redis(fingerprint, [hashes[number] for number in missing], dim)
        for number, vector in zip(missing, shared, strict=True):
            if vector is not None:
                found[number] = vector
                self._keep((fingerprint, hashes[number]), vector)
        hits = sum(vector is not None for vector in shared)
        self._metrics.cached.labels("redis").inc(hits)
        self._metrics.cached.labels("nowhere").inc(len(missing) - hits)
        return found

    def put(self, fingerprint: str, vectors: Sequence[tuple[str, Vector]]) -> None:
        """Keep vectors.

        Args:
            fingerprint: Of the trunk that made them.
            vectors: SHA-256 of the image file, and its vector.
        """
        for sha256, vector in vectors:
            self._keep((fingerprint, sha256), vector)
        redis = self._awake_redis()
        if redis is None or not vectors:
            return
        try:
            with redis.pipeline(transaction=False) as pipeline:
                for sha256, vector in vectors:
                    pipeline.set(_key(fingerprint, sha256), vector.astype("<f4").tobytes(), ex=_REDIS_LIFE)
                pipeline.execute()
        except (RedisError, OSError) as error:
            self._lost(error)
        else:
            self._found_again()

    def close(self) -> None:
        """Close the connections to Redis."""
        if self._redis is not None:
            self._redis.close()

    def _from_memory(self, fingerprint: str, hashes: Sequence[str]) -> list[Vector | None]:
        with self._lock:
            found = [self._kept.get((fingerprint, sha256)) for sha256 in hashes]
            for sha256, vector in zip(hashes, found, strict=True):
                if vector is not None:
                    self._kept.move_to_end((fingerprint, sha256))
        return found

    def _from_redis(self, fingerprint: str, hashes: Sequence[str], dim: int) -> list[Vector | None]:
        redis = self._awake_redis()
        if redis is None:
            return [None] * len(hashes)
        try:
            stored = redis.mget([_key(fingerprint, sha256) for sha256 in hashes])
        except (RedisError, OSError) as error:
            self._lost(error)
            return [None] * len(hashes)
        self._found_again()
        return [_read(value, dim) for value in stored]

    def _keep(self, key: tuple[str, str], vector: Vector) -> None:
        size = vector.nbytes + _OVERHEAD
        if size > self._max_bytes:
            return
        own = vector.copy()  # a row of a batch would keep the whole batch alive
        own.flags.writeable = False
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return
            self._kept[key] = own
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.nbytes + _OVERHEAD

    def _awake_redis(self) -> Redis | None:
        return None if time.monotonic() < self._redis_rests_until else self._redis

    def _lost(self, error: Exception) -> None:
        self._redis_rests_until = time.monotonic() + self._pause
        with self._lock:
            first, self._redis_failing = not self._redis_failing, True
        if first:
            _log.warning("redis_lost", error=str(error), consequence="images seen by other servers are encoded again")

    def _found_again(self) -> None:
        if self._redis_failing:
            with self._lock:
                again, self._redis_failing = self._redis_failing, False
            if again:
                _log.info("redis_found_again")


def _key(fingerprint: str, sha256: str) -> str:
    return f"invariantselect:vector:{fingerprint}:{sha256}"


def _read(value: bytes | str | None, dim: int) -> Vector | None:
    if not isinstance(value, bytes) or len(value) != 4 * dim:
        return None
    vector = np.frombuffer(value, dtype="<f4").astype(np.float32)
    # Not only damage: whoever may write to Redis mustn't put into a pool what no encoder makes.
    return vector if abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) < _UNIT else None
