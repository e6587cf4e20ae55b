"""What was seen becomes the tables of docs/faults.md: nobody types a number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.chaos.drive import Outcome
from benchmarks.chaos.surroundings import SURROUNDINGS
from benchmarks.chaos.under_way import OPERATIONS
from benchmarks.machine import describe
from benchmarks.report import ROOT, put

__all__ = ["Run", "read", "tables", "write"]

BEGIN, END = "<!-- chaos:begin -->", "<!-- chaos:end -->"

_COUNTS = (
    ("demonstrations written, changed, deleted: requests acknowledged", "acknowledged changes"),
    ("the same, answered by nobody or with 503", "unanswered changes"),
    ("selections answered meanwhile", "selections"),
    ("selections from the last snapshot, said to be stale", "stale selections"),
    ("jobs that succeeded", "jobs succeeded"),
    ("jobs taken over from a dead worker", "takeovers"),
    ("jobs given up, as their workers died over them too often", "jobs failed"),
    ("ways back to an earlier encoder", "rollbacks"),
    ("selections compared with brute force afterwards", "selections compared with brute force"),
)
_PROCESSES = ("api", "api (mine)", "worker", "worker (mine)")
_STORES = ("redis", "postgresql", "postmaster", "backend")


@dataclass(frozen=True)
class Run:
    """What one command has seen.

    Attributes:
        machine: On which.
        day: When it began, in UTC.
        seed: Of all rounds.
        outcomes: Of each round so far.
    """

    machine: str
    day: str
    seed: int
    outcomes: list[Outcome]

    @classmethod
    def begun(cls, seed: int) -> Run:
        """A run that begins now."""
        return cls(describe(), datetime.now(UTC).date().isoformat(), seed, [])


def read(file: Path) -> Run:
    """A run that was written down as JSON."""
    told = json.loads(file.read_text(encoding="utf-8"))
    return Run(**{**told, "outcomes": [Outcome(**each) for each in told["outcomes"]]})


def tables(runs: Sequence[Run]) -> str:
    """What happened in each of the surroundings, what was killed, and what was under way then."""
    outcomes = [each for run in runs for each in run.outcomes]
    days = sorted({run.day for run in runs})
    held = sum(not each.findings for each in outcomes)
    seeds = ", ".join(_seeds(run) for run in runs if run.outcomes)
    lines = [
        f"{len(outcomes)} rounds, {held} of which held; seeds {seeds}. {runs[0].machine};"
        f" {' to '.join(dict.fromkeys([days[0], days[-1]]))}.",
        "",
        *_by_surroundings(outcomes),
        "",
        *_by_operation(outcomes),
    ]
    lines += [f"\nFAILED {each.seed}: {finding}" for each in outcomes for finding in each.findings]
    return "\n".join(lines)


def write(runs: Sequence[Run]) -> None:
    """Put the tables into docs/faults.md."""
    put(tables(runs), BEGIN, END, ROOT / "docs" / "faults.md")


def _seeds(run: Run) -> str:
    """`redis:3:1 to 2`; of rounds in several surroundings in turn `sqlite/redis:3:0 to 1`."""
    surroundings = "/".join(dict.fromkeys(each.around for each in run.outcomes))
    first, last = (run.outcomes[place].seed.rpartition(":")[2] for place in (0, -1))
    return f"{surroundings}:{run.seed}:{first} to {last}"


def _by_surroundings(outcomes: Sequence[Outcome]) -> list[str]:
    columns = [[each for each in outcomes if each.around == around] for around in SURROUNDINGS]

    def row(what: str, figure: Callable[[Outcome], int]) -> list[object]:
        return [what, *(sum(map(figure, column)) for column in columns)]

    def killed(what: str) -> list[object]:
        return row(f"kill -9 of {what}", lambda each: each.kills.get(what, 0))

    def counted(what: str, name: str) -> list[object]:
        return row(what, lambda each: each.counts.get(name, 0))

    rows = [
        row("rounds", lambda _: 1),
        row("rounds that held", lambda each: not each.findings),
        *(killed(what) for what in _names(outcomes)),
        *(counted(what, name) for what, name in _COUNTS),
        row("seconds", lambda each: round(each.seconds)),
    ]
    return _table(["", *(_TOLD[around] for around in SURROUNDINGS)], [each for each in rows if any(each[1:])])


def _by_operation(outcomes: Sequence[Outcome]) -> list[str]:
    total: dict[str, Counter[str]] = {what: Counter() for what in OPERATIONS}
    for outcome in outcomes:
        for what, killed in outcome.under_way.items():
            total[what].update(killed)
    rows = [
        [what, sum(killed[each] for each in _PROCESSES), *(killed[each] for each in _STORES)]
        for what, killed in total.items()
    ]
    head = ["under way", "in a server or worker that was killed", "as Redis was", "as all of PostgreSQL was"]
    return _table([*head, "its postmaster", "a backend"], rows)


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    found = {what for each in outcomes for what in each.kills}
    return [what for what in (*_PROCESSES, *_STORES) if what in found]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]


_TOLD = {"sqlite": "SQLite", "redis": "SQLite, Redis", "postgresql": "PostgreSQL, Redis"}
