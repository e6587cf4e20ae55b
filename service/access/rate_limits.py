"""How often somebody may ask: counted in this process, or in Redis, where several servers share the counts.

Counted by a sliding window: the window before counts by the part of it that is still in sight. So no burst of twice the
limit fits around the turn of a minute, and a counter is two numbers, whatever the limit is.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

import structlog
from redis.connection import ConnectionPool
from redis.exceptions import RedisError

from invariantselect.errors import RateLimitedError
from service.embedding.embedding_cache import connect_redis
from service.metrics import Metrics
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from limits import RateLimitItem
    from limits.strategies import RateLimiter

    _Ask = Callable[[RateLimiter, RateLimitItem, str], float | None]

__all__ = ["RateLimits"]

_log = structlog.get_logger("service.access.rate_limits")

_REDIS_PAUSE = 5.0


class RateLimits:
    """Counts requests and refuses those that are too many. Thread-safe.

    Args:
        settings: With the limits, and where Redis is.
        metrics: Where refusals are counted.
        pause: Seconds during which a Redis that failed is left alone; what comes meanwhile is counted here.
    """

    def __init__(self, settings: Settings, metrics: Metrics, *, pause: float = _REDIS_PAUSE) -> None:
        self._metrics = metrics
        self._pause = pause
        self._writes: list[tuple[str, RateLimitItem]] = []
        self._requests: list[tuple[str, RateLimitItem]] = []
        self._own: RateLimiter | None = None
        self._shared: RateLimiter | None = None
        self._pool: ConnectionPool | None = None
        self._lock = threading.Lock()
        self._failing = False
        self._rests_until = 0.0
        if settings.rate_limit or settings.rate_limit_write:
            self._begin(settings)

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return self._own is not None

    def count(self, who: str, *, write: bool) -> None:
        """Count a request, unless it is one too many: then it isn't counted.

        Args:
            who: Whose requests are counted together: the id of a key, or an address.
            write: Whether it changes something, which counts in both limits.

        Raises:
            RateLimitedError: Its context says after how many seconds to come again.
        """
        limits = [*self._writes, *self._requests] if write else self._requests
        if len(limits) > 1:  # one that refuses mustn't use up the other
            for name, item in limits:
                self._refuse(name, item, self._asked(_look, item, f"{name}:{who}"))
        for name, item in limits:
            self._refuse(name, item, self._asked(_hit, item, f"{name}:{who}"))

    def _refuse(self, name: str, item: RateLimitItem, seconds: float | None) -> None:
        if seconds is None:
            return
        self._metrics.rate_limited.labels(name).inc()
        window = item.get_expiry()
        raise RateLimitedError(
            f"more than {item.amount} {name} in {window} s",
            retry_after=max(1, math.ceil(seconds)),
            limited=name,
            quota=item.amount,
            window_seconds=window,
        )

    def close(self) -> None:
        """Close the connections to Redis."""
        if self._pool is not None:
            self._pool.disconnect()

    def _begin(self, settings: Settings) -> None:
        from limits import parse  # late: it takes a third of a second, and only who sets a limit needs it
        from limits.storage import MemoryStorage, RedisStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        if settings.rate_limit_write:
            self._writes = [("writes", parse(settings.rate_limit_write))]
        if settings.rate_limit:
            self._requests = [("requests", parse(settings.rate_limit))]
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        if settings.redis_url is not None:
            redis = connect_redis(settings.redis_url)  # a client that gives up as quickly as that of the cache
            storage = RedisStorage(
                settings.redis_url, connection_pool=redis.connection_pool, key_prefix="invariantselect:limit"
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)
            self._pool = redis.connection_pool

    def _asked(self, ask: _Ask, item: RateLimitItem, who: str) -> float | None:
        """What Redis says, or this process alone: seconds until there is room again; None where there is."""
        if self._shared is not None and time.monotonic() >= self._rests_until:
            try:
                seconds = ask(self._shared, item, who)
            except (RedisError, OSError) as error:
                self._lost(error)
            else:
                self._found_again()
                return seconds
        return None if self._own is None else ask(self._own, item, who)

    def _lost(self, error: Exception) -> None:
        self._rests_until = time.monotonic() + self._pause
        with self._lock:
            first, self._failing = not self._failing, True
        if first:
            _log.warning("redis_lost", error=str(error), consequence="each server counts requests for itself")

    def _found_again(self) -> None:
        if self._failing:
            with self._lock:
                again, self._failing = self._failing, False
            if again:
                _log.info("redis_found_again")


def _hit(limiter: RateLimiter, item: RateLimitItem, who: str) -> float | None:
    return None if limiter.hit(item, who) else _seconds(limiter, item, who)


def _look(limiter: RateLimiter, item: RateLimitItem, who: str) -> float | None:
    return None if limiter.test(item, who) else _seconds(limiter, item, who)


def _seconds(limiter: RateLimiter, item: RateLimitItem, who: str) -> float:
    return limiter.get_window_stats(item, who).reset_time - time.time()
