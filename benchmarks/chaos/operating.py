"""Somebody who hands in jobs and goes back to earlier encoder versions, and knows which jobs there must be."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.person import PASSING, Person, was_sent
from benchmarks.chaos.pictures import POOL, Pictures
from benchmarks.chaos.worlds import Contradiction, State
from invariantselect.errors import (
    EncoderVersionNotFoundError,
    InvalidRequestError,
    JobStateError,
    PoolNotAdaptedError,
)
from invariantselect.wire.adaptation import DepthName
from invariantselect.wire.jobs import Job

__all__ = ["HandedIn", "Operator"]

_MOST_OPEN = 2
_DEPTHS: list[DepthName] = ["closed_form", "head", "finetune"]
_AS_OFTEN = [6, 2, 1]
_NOTHING_TO_GO_BACK_TO = (EncoderVersionNotFoundError, InvalidRequestError, PoolNotAdaptedError)


@dataclass
class HandedIn:
    """A job that was asked for.

    Attributes:
        kind: rebuild, adapt or import.
        id: Known once the request was answered.
        may_exist: Whether the request reached the service.
        cancelled: Whether somebody asked to cancel it.
        imports: What it takes in.
    """

    kind: str
    id: str | None = None
    may_exist: bool = False
    cancelled: bool = False
    imports: State = field(default_factory=dict)


class Operator(Person):
    """Each job has an Idempotency-Key: asking again after a request that wasn't answered must not make two.

    Args:
        addresses: Of the servers.
        seed: Of what is done.
        ledger: What happened.
        pictures: What is imported.
        imports: Folder below which the service may import.
    """

    def __init__(self, addresses: Sequence[str], seed: str, ledger: Ledger, pictures: Pictures, imports: Path) -> None:
        super().__init__(addresses, seed, ledger)
        self._pictures = pictures
        self._imports = imports
        self.jobs: list[HandedIn] = []

    def act(self) -> None:
        """Hand a job in, cancel one, or go back; what runs is left to run first, where it is much."""
        open_jobs = [job for job in self.jobs if job.id is not None and not self.client.job(job.id).finished]
        kind = self.chance.choices(["adapt", "rebuild", "import", "rollback", "cancel"], [4, 3, 2, 2, 1])[0]
        if kind == "rollback":
            self._roll_back()
        elif kind == "cancel" and open_jobs:
            self._cancel(self.chance.choice(open_jobs))
        elif kind in ("adapt", "rebuild", "import") and len(open_jobs) < _MOST_OPEN:
            self._hand_in(kind)
        self._stop_asked.wait(self.chance.uniform(0, 0.3))

    def _roll_back(self) -> None:
        to = self.chance.choice([None, 1, 2, 3])
        try:
            self.client.rollback(POOL, to=to)
        except _NOTHING_TO_GO_BACK_TO:
            self.ledger.count("rollbacks refused")
        else:
            self.ledger.count("rollbacks")

    def _cancel(self, job: HandedIn) -> None:
        job.cancelled = True
        assert job.id is not None
        try:
            self.client.cancel_job(job.id)
        except JobStateError:
            self.ledger.count("cancellations that came too late")

    def _hand_in(self, kind: str) -> None:
        job = HandedIn(kind)
        self.jobs.append(job)
        ask = self._request(job)
        while True:
            try:
                made = ask()
            except PASSING as error:
                job.may_exist |= was_sent(error)
                if self._stop_asked.wait(0.1):
                    raise
            else:
                break
        if any(other.id == made.id for other in self.jobs):
            raise Contradiction(f"two {kind} jobs have the id {made.id}")
        job.id = made.id
        self.ledger.count(f"{kind} jobs handed in")

    def _request(self, job: HandedIn) -> Callable[[], Job]:
        key = uuid.UUID(int=self.chance.getrandbits(128)).hex
        if job.kind == "rebuild":
            return lambda: self.client.rebuild(POOL, idempotency_key=key)
        if job.kind == "import":
            number = len(self.jobs)
            job.imports = self._pictures.folder(self._imports / str(number), number)
            self.ledger.sent(job.imports)
            return lambda: self.client.import_into(POOL, str(number), idempotency_key=key)
        depth, seed = self.chance.choices(_DEPTHS, _AS_OFTEN)[0], self.chance.randrange(100)
        return lambda: self.client.adapt(
            POOL, depth=depth, seed=seed, budget_seconds=600, force=True, idempotency_key=key
        )
