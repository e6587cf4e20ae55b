"""The adapted encoders that a server holds: one a pool, and of few pools at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from encoders.encoder import Encoder
from service.embedding.loading import LoadFailures, LoadNeededError, may_wait

__all__ = ["AdaptedEncoders"]


class AdaptedEncoders:
    """Encoders by pool, loaded when first needed. Thread-safe.

    A pool has room for one: when its versions are switched, the next query frees the old one. Who still uses an encoder
    that was freed goes on using it.

    Args:
        load: Loads an encoder by its name in the encoder store.
        most: How many stay loaded; the one that was used least recently goes first.
    """

    def __init__(self, load: Callable[[str], Encoder], most: int) -> None:
        self._load = load
        self._most = most
        self._held: OrderedDict[str, tuple[int, Encoder]] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._failures = LoadFailures()

    def get(self, pool_key: str, number: int) -> Encoder:
        """An encoder version of a pool; two threads that ask at once load it once.

        Raises:
            EncoderNotFoundError, EncoderUnavailableError, StoreCorruptError: As `encoders.catalog.load_encoder`.
            LoadNeededError: It isn't loaded, and this thread may not wait.
        """
        found = self._find(pool_key, number)
        if found is not None:
            return found
        key = (pool_key, number)
        if not may_wait():
            self._failures.check(key)
            raise LoadNeededError(key, partial(self.get, pool_key, number))
        with self._lock:
            loading = self._loading.setdefault(pool_key, threading.Lock())
        with loading:
            found = self._find(pool_key, number)
            if found is None:
                with self._failures.noted(key):
                    found = self._load(f"{pool_key}/{number}")
                self._keep(pool_key, number, found)
        return found

    def holds(self, pool_key: str) -> bool:
        """Whether an encoder of the pool is loaded."""
        return pool_key in self._held

    def forget(self, pool_key: str) -> None:
        """Free the encoder of a pool that was dropped, or that no adapted version serves any more."""
        with self._lock:
            self._held.pop(pool_key, None)
            self._loading.pop(pool_key, None)

    def _find(self, pool_key: str, number: int) -> Encoder | None:
        with self._lock:
            held, encoder = self._held.get(pool_key, (None, None))
            if held != number:
                return None
            self._held.move_to_end(pool_key)
            return encoder

    def _keep(self, pool_key: str, number: int, encoder: Encoder) -> None:
        with self._lock:
            self._held[pool_key] = (number, encoder)
            self._held.move_to_end(pool_key)
            while len(self._held) > self._most:
                oldest, _ = self._held.popitem(last=False)
                self._loading.pop(oldest, None)
