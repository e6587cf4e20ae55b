"""What happened in a round: how often what was done, what was found to be wrong, and what was ever sent."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable

from benchmarks.chaos.worlds import State

__all__ = ["Ledger"]


class Ledger:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.under_way: dict[str, Counter[str]] = defaultdict(Counter)
        self.written = 0
        self.findings: list[str] = []
        self._ever: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def count(self, what: str) -> None:
        """Something was done once more."""
        with self._lock:
            self.counts[what] += 1

    def wrote(self, snapshot: int) -> None:
        """A write was acknowledged with this version of the pool."""
        with self._lock:
            self.written = max(self.written, snapshot)

    def killed(self, what: str, under_way: Iterable[str]) -> None:
        """Something was killed, in the middle of these operations."""
        with self._lock:
            self.kills[what] += 1
            for each in set(under_way):
                self.under_way[each][what] += 1

    def answers(self) -> int:
        """How many requests were answered so far."""
        with self._lock:
            return sum(self.counts[what] for what in ("acknowledged changes", "looks", "selections"))

    def finding(self, what: str) -> None:
        """Something is wrong."""
        with self._lock:
            if what not in self.findings:
                self.findings.append(what)

    def sent(self, state: State) -> None:
        """These demonstrations may be stored from now on."""
        with self._lock:
            for id, held in state.items():
                self._ever[id].add((held.sha256, held.label))

    def relabelled(self, id: str, label: str) -> None:
        """So may this one with another label."""
        with self._lock:
            self._ever[id] |= {(sha256, label) for sha256, _ in self._ever[id]}

    def may_be(self, id: str, label: str) -> bool:
        """Whether a demonstration may ever have had a label."""
        with self._lock:
            return any(label == each for _, each in self._ever.get(id, ()))
