"""Telling other replicas, over Redis, that something was written: they look then, and not only at the next half second.

A notice says nothing else, so one that is lost, doubled or made up does no harm. Every search asks the catalog for the
pool's version anyway; what a notice is for is that a new snapshot is loaded before a search has to wait for it.
"""

from __future__ import annotations

import threading
import time

import structlog
from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

__all__ = ["Notices"]

_log = structlog.get_logger("service.replicas.notices")

_REST_SECONDS = 5.0


class Notices:
    """Sends and receives. Sending is thread-safe; one thread receives.

    Args:
        redis: Through which; None for nobody to tell and nothing to hear.
        catalog: Name of the catalog, so that those who share a Redis and not their pools don't wake each other.
        rest: Seconds during which a Redis that failed is left alone.
    """

    def __init__(self, redis: Redis | None, catalog: str, *, rest: float = _REST_SECONDS) -> None:
        self._redis = redis
        self._channel = f"invariantselect:written:{catalog}"
        self._rest = rest
        self._rests_until = 0.0
        self._heard: PubSub | None = None

    def send(self) -> None:
        """Say that something was written; where that fails, the others find out by themselves."""
        if self._redis is None or time.monotonic() < self._rests_until:
            return
        try:
            self._redis.publish(self._channel, b"")
        except (RedisError, OSError) as error:
            self._lost(error)

    def wait(self, seconds: float, closing: threading.Event) -> None:
        """Return when something was written elsewhere, when so much time has passed, or at the end."""
        if self._redis is None or time.monotonic() < self._rests_until:
            closing.wait(seconds)
            return
        try:
            if self._heard is None:
                self._heard = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                self._heard.subscribe(self._channel)
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and not closing.is_set():
                if self._heard.get_message(timeout=left) is not None:
                    return
        except (RedisError, OSError) as error:
            self._lost(error)
            self.close()

    def close(self) -> None:
        """Stop listening."""
        heard, self._heard = self._heard, None
        if heard is not None:
            heard.close()

    def _lost(self, error: Exception) -> None:
        self._rests_until = time.monotonic() + self._rest
        _log.warning("notices_lost", error=str(error), consequence="other replicas look by themselves")
