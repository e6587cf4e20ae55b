"""One round: everything is started, people work, parts are killed, and at the end everything is compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.judging import Judge
from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.person import Person
from benchmarks.chaos.pictures import Pictures, Template
from benchmarks.chaos.place import Place
from benchmarks.chaos.processes import Nursery, wait_until
from benchmarks.chaos.searcher import Searcher
from benchmarks.chaos.worlds import State
from benchmarks.chaos.writer import Writer
from invariantselect import Client
from invariantselect.errors import InvariantSelectError
from invariantselect.wire.jobs import Job

__all__ = ["Outcome", "drive"]

_WRITERS = 2
_PATIENCE = 600.0


@dataclass
class Outcome:
    """What came of a round.

    Attributes:
        seed: Of the round.
        seconds: What it took.
        counts: How often what happened.
        findings: What is wrong; empty for a round that held.
        data: Its folder, kept where something is wrong.
    """

    seed: str
    seconds: float
    counts: dict[str, int]
    findings: list[str]
    data: Path | None = field(default=None)


def drive(seed: str, kills: int, folder: Path, *, nursery: Nursery, template: Template, pictures: Pictures) -> Outcome:
    """Do one round in a folder of its own."""
    begun, ledger = time.monotonic(), Ledger()
    folder.mkdir(parents=True)
    template.copy(folder / "data")
    (folder / "imports").mkdir()
    place = Place(seed, folder, nursery, template.encoder)
    judge = Judge(place.data, pictures, ledger)
    try:
        place.start_all()
        _work(place, kills, ledger, judge, _People(place, seed, ledger, pictures, template.state))
    except (TimeoutError, InvariantSelectError) as error:
        ledger.finding(f"{type(error).__name__}: {error}")
    finally:
        place.kill_all()
    for child in place.children:
        judge.log(child.log)
    judge.files()
    counts = dict(sorted(ledger.counts.items()))
    return Outcome(seed, round(time.monotonic() - begun, 1), counts, ledger.findings)


class _People:
    """Everybody who uses the service in a round."""

    def __init__(self, place: Place, seed: str, ledger: Ledger, pictures: Pictures, stored: State) -> None:
        name = seed.replace(":", "-")
        ids = sorted(stored)
        shares = [{id: stored[id] for id in ids[number::_WRITERS]} for number in range(_WRITERS)]
        self.writers = [
            Writer(place.address, f"w{number}-{name}", ledger, pictures, share) for number, share in enumerate(shares)
        ]
        self.operator = Operator(place.address, f"o-{name}", ledger, pictures, place.imports)
        self.all: list[Person] = [*self.writers, self.operator, Searcher(place.address, f"s-{name}", ledger)]
        ledger.sent(stored)


def _work(place: Place, kills: int, ledger: Ledger, judge: Judge, people: _People) -> None:
    for person in people.all:
        person.start()
    for _ in range(kills):
        place.wait_for_some_answers(ledger)
        place.kill_one(ledger)
    for person in people.all:
        person.stop()
    for person in people.all:
        person.join(_PATIENCE)
        if person.is_alive():
            ledger.finding(f"{person.name} still waits for an answer")
    place.restart_all()
    with Client(place.address) as client:
        judge.jobs(_ended(client), people.operator.jobs)
        judge.answers(client, judge.contents(client, people.writers, people.operator.jobs))


def _ended(client: Client) -> Sequence[Job]:
    with suppress(TimeoutError):  # one that doesn't end is the judge's to find
        wait_until(lambda: all(job.finished for job in client.jobs(limit=1000)), "all jobs end", patience=_PATIENCE)
    return client.jobs(limit=1000)
