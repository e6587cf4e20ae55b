"""What goes on beside the queries: writes, deletions, rebuilds, adaptations and ways back, one after another."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from benchmarks.images import with_comment
from invariantselect import Client, NewDemonstration
from invariantselect.errors import InvariantSelectError

__all__ = ["DOMAINS", "LABELS", "Changes", "fill"]

LABELS, DOMAINS = [f"label-{number}" for number in range(4)], [f"domain-{number}" for number in range(3)]
_BATCH, _KEPT = 4, 64
_WRITE_EVERY_S, _JOB_EVERY_S = 2.0, 15.0


def fill(client: Client, pool: str, files: Sequence[bytes]) -> None:
    """Make the pool, adapt it twice, so that there is a version to go back to."""
    client.create_pool(pool)
    client.upsert(pool, [_new(f"stored/{number}", number, file) for number, file in enumerate(files)])
    for seed in (0, 1):
        client.wait_for_job(client.adapt(pool, depth="closed_form", seed=seed, force=True).id)


class Changes(threading.Thread):
    """Writes every two seconds; a job every fifteen after the one before has ended: adapt, rebuild, go back, in turn.

    Args:
        url: Of the server.
        pool: Name of the pool.
        files: JPEG files to store.

    Attributes:
        done: How often what was done.
        errors: What went wrong.
    """

    def __init__(self, url: str, pool: str, files: Sequence[bytes]) -> None:
        super().__init__(name="changes", daemon=True)
        self._client = Client(url, timeout=120)
        self._pool = pool
        self._files = files
        self._written: deque[str] = deque()
        self._number = 0
        self._over = threading.Event()
        self._job: str | None = None
        self._turns = 0
        self._next_job = 0.0
        self.done: dict[str, int] = {}
        self.errors: list[str] = []

    def run(self) -> None:
        """Change things until told to stop."""
        while not self._over.wait(_WRITE_EVERY_S):
            for act in (self._write, self._look_after_jobs):
                try:
                    act()
                except InvariantSelectError as error:
                    self.errors.append(f"{act.__name__}: {error.code}: {error.detail}")

    def stop(self) -> None:
        """Stop, and wait for that."""
        self._over.set()
        self.join()
        self._client.close()

    def _write(self) -> None:
        new = []
        for _ in range(_BATCH):
            self._number += 1
            file = with_comment(self._files[self._number % len(self._files)], f"written-{id(self)}-{self._number}")
            new.append(_new(f"written/{self._number}", self._number, file))
        answer = self._client.upsert(self._pool, new)
        self._written += [each.id for each in new]
        self._count("demonstrations written", len(new) - answer.failed)
        if len(self._written) > _KEPT:
            gone = [self._written.popleft() for _ in range(_BATCH)]
            self._count("demonstrations deleted", len(gone) - self._client.delete(self._pool, gone).failed)

    def _look_after_jobs(self) -> None:
        if self._job is not None:
            job = self._client.job(self._job)
            if not job.finished:
                return
            if job.state != "succeeded":
                self.errors.append(f"the job {job.kind} ended {job.state}: {job.error}")
            self._count(f"jobs {job.kind}", 1)
            self._job, self._next_job = None, time.monotonic() + _JOB_EVERY_S
        if time.monotonic() >= self._next_job:
            self._turns += 1
            self._take_turn()

    def _take_turn(self) -> None:
        if self._turns % 3 == 1:
            self._job = self._client.adapt(self._pool, depth="closed_form", seed=self._turns, force=True).id
        elif self._turns % 3 == 2:
            self._job = self._client.rebuild(self._pool).id
        else:
            self._client.rollback(self._pool)
            self._count("ways back", 1)
            self._next_job = time.monotonic() + _JOB_EVERY_S

    def _count(self, what: str, how_many: int) -> None:
        self.done[what] = self.done.get(what, 0) + how_many


def _new(id: str, number: int, file: bytes) -> NewDemonstration:
    return NewDemonstration(id, file, LABELS[number % len(LABELS)], DOMAINS[number // 7 % len(DOMAINS)])
