"""One round: everything is started, people work, parts are killed, and at the end everything is compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.fate import Fate
from benchmarks.chaos.judging import Judge
from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.operating import Operator
from benchmarks.chaos.parts import wait_until
from benchmarks.chaos.person import Person
from benchmarks.chaos.pictures import Pictures
from benchmarks.chaos.place import Place
from benchmarks.chaos.searcher import Searcher
from benchmarks.chaos.surroundings import Grounds
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
        around: Its surroundings.
        seconds: What it took.
        counts: How often what happened.
        kills: What was killed, how often.
        under_way: What was being done at a kill: the operation, what was killed, how often.
        findings: What is wrong; empty for a round that held.
        data: Its folder, kept where something is wrong.
    """

    seed: str
    around: str
    seconds: float
    counts: dict[str, int]
    kills: dict[str, int]
    under_way: dict[str, dict[str, int]]
    findings: list[str]
    data: Path | None = field(default=None)


def drive(seed: str, kills: int, folder: Path, *, around: str, grounds: Grounds, pictures: Pictures) -> Outcome:
    """Do one round in a folder of its own."""
    begun, ledger = time.monotonic(), Ledger()
    (folder / "imports").mkdir(parents=True)
    place = Place(seed, folder, around, grounds)
    judge = Judge(place.data, place.database_url, pictures, ledger)
    try:
        place.start_all()
        people = _People(place, seed, ledger, pictures, grounds.state)
        _work(place, Fate(seed, place, ledger), kills, ledger, people)
        _compare(place, judge, people)
    except (TimeoutError, InvariantSelectError) as error:
        ledger.finding(f"{type(error).__name__}: {error}")
    finally:
        place.kill_all()
    for log in (log for child in place.children for log in child.logs):
        judge.log(log)
    place.start_stores()
    judge.files()
    place.kill_all()
    return Outcome(
        seed,
        around,
        round(time.monotonic() - begun, 1),
        dict(sorted(ledger.counts.items())),
        dict(sorted(ledger.kills.items())),
        {what: dict(sorted(each.items())) for what, each in sorted(ledger.under_way.items())},
        ledger.findings,
    )


class _People:
    """Everybody who uses the service in a round."""

    def __init__(self, place: Place, seed: str, ledger: Ledger, pictures: Pictures, stored: State) -> None:
        name, ids = seed.replace(":", "-"), sorted(stored)
        shares = [{id: stored[id] for id in ids[number::_WRITERS]} for number in range(_WRITERS)]
        self.writers = [
            Writer(place.addresses, f"w{number}-{name}", ledger, pictures, share) for number, share in enumerate(shares)
        ]
        self.operator = Operator(place.addresses, f"o-{name}", ledger, pictures, place.imports)
        self.all: list[Person] = [*self.writers, self.operator, Searcher(place.addresses, f"s-{name}", ledger)]
        ledger.sent(stored)


def _work(place: Place, fate: Fate, kills: int, ledger: Ledger, people: _People) -> None:
    for person in people.all:
        person.start()
    for _ in range(kills):
        fate.strike()
    for person in people.all:
        person.stop()
    place.restart_all()  # who waits for an answer still is told that there is none
    for person in people.all:
        person.join(_PATIENCE)
        if person.is_alive():
            ledger.finding(f"{person.name} still waits for an answer")


def _compare(place: Place, judge: Judge, people: _People) -> None:
    with ExitStack() as opened:
        clients = [opened.enter_context(Client(address, timeout=300)) for address in place.addresses]
        judge.jobs(_ended(clients[0]), people.operator.jobs)
        for client in clients:
            stored = judge.contents(client, people.writers, people.operator.jobs)
            judge.answers(client, stored)


def _ended(client: Client) -> Sequence[Job]:
    with suppress(TimeoutError):  # one that doesn't end is the judge's to find
        wait_until(
            lambda: all(job.finished for job in client.jobs(limit=1000)), "all jobs end", patience=_PATIENCE, pause=0.2
        )
    return client.jobs(limit=1000)
