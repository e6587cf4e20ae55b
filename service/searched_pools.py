"""Which snapshot of each pool was searched last, for as many pools as there are labels."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from prometheus_client import Gauge

from invariantselect.wire.selections import Selection

__all__ = ["MOST_POOLS", "OTHERS", "SearchedPools"]

MOST_POOLS = 50
"""So many pools have a label of their own: the first that this process searches."""

OTHERS = "(other)"
"""Label of all further ones together; no pool can have this name."""

_LATE_SECONDS = 60.0  # by so much a search may end after one that began later


class SearchedPools:
    """Gives pools their labels and remembers their snapshots. Thread-safe.

    Args:
        version: Shows the number of the snapshot.
        age: Shows the seconds since a search met it first.
        encoder: Shows the encoder version that `invariant_select` used last.
    """

    def __init__(self, version: Gauge, age: Gauge, encoder: Gauge) -> None:
        self._version = version
        self._age = age
        self._encoder = encoder
        self._met: dict[str, _Met] = {}
        self._lock = threading.Lock()

    def met(self, selection: Selection) -> str:
        """Take note of a search; the label of its pool. The further ones together have no snapshot to show."""
        name, now = selection.pool, time.monotonic()
        with self._lock:
            known = self._met.get(name)
            if known is None and len(self._met) >= MOST_POOLS:
                return OTHERS
            if known is None or known.is_followed_by(selection.snapshot, now):
                known = self._met[name] = _Met(selection.snapshot, since=now, last=now)
                self._version.labels(name).set(selection.snapshot)
            elif selection.snapshot == known.snapshot:
                known.last = now
            if selection.strategy == "invariant_select":
                self._encoder.labels(name).set(selection.encoder_version)
        return name

    def tell_ages(self) -> None:
        """Bring the ages up to date."""
        now = time.monotonic()
        with self._lock:
            for name, met in self._met.items():
                self._age.labels(name).set(now - met.since)


@dataclass
class _Met:
    snapshot: int
    since: float
    last: float

    def is_followed_by(self, snapshot: int, now: float) -> bool:
        """Whether another snapshot is a later one. A lower number is, where the pool was dropped and made again; but
        searches end in another order than they began, so it isn't at once."""
        return snapshot > self.snapshot or (snapshot < self.snapshot and now - self.last > _LATE_SECONDS)
