"""The memory of the server and of what it started, sampled, and whether it grows."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import psutil

__all__ = ["Growth", "MemoryWatch"]

_EVERY_S = 1.0
_SETTLING = 1 / 3
"""Share of the run that is left out: caches fill, allocators find their size."""
_TOLERATED_SHARE, _TOLERATED_BYTES = 0.10, 48 << 20


@dataclass(frozen=True)
class Growth:
    """How a process's memory went, after the first third of the run.

    Attributes:
        process: Which.
        mean_bytes: Resident, on average.
        most_bytes: Resident, at most.
        grown_bytes: By the straight line through the samples, from their first to their last.
        tolerated_bytes: 10 % of the mean, or 48 MiB where that is more.
    """

    process: str
    mean_bytes: float
    most_bytes: float
    grown_bytes: float
    tolerated_bytes: float

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than what is tolerated."""
        return self.grown_bytes <= self.tolerated_bytes


class MemoryWatch(threading.Thread):
    """Samples the resident memory of a process and its children, the latter together, every second.

    Args:
        pid: Of the server.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory", daemon=True)
        self._server = psutil.Process(pid)
        self._over = threading.Event()
        self._samples: list[tuple[float, float, float]] = []

    def run(self) -> None:
        """Sample until told to stop."""
        while not self._over.wait(_EVERY_S):
            children = [_resident(child) for child in self._server.children(recursive=True)]
            self._samples.append((time.monotonic(), _resident(self._server), sum(children)))

    def stop(self) -> list[Growth]:
        """Stop; what was seen of the server and of its worker."""
        self._over.set()
        self.join()
        samples = np.array(self._samples[int(len(self._samples) * _SETTLING) :])
        return [_growth(name, samples[:, 0], samples[:, place]) for place, name in ((1, "server"), (2, "worker"))]


def _growth(process: str, at: np.ndarray, resident: np.ndarray) -> Growth:
    slope = float(np.polyfit(at - at[0], resident, 1)[0])
    mean = float(resident.mean())
    grown = slope * float(at[-1] - at[0])
    return Growth(process, mean, float(resident.max()), grown, max(_TOLERATED_SHARE * mean, _TOLERATED_BYTES))


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0
