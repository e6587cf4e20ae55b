"""`python -m benchmarks.soak`: capacity first, then minutes at a share of it; a table, also for docs/faults.md, and
whether it held."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.images import jpeg_crops
from benchmarks.machine import describe
from benchmarks.report import ROOT, put
from benchmarks.server import running
from benchmarks.soak.changes import Changes, fill
from benchmarks.soak.memory import Growth, MemoryWatch
from benchmarks.soak.queries import Answers, Asker
from invariantselect import Client

BEGIN, END = "<!-- soak:begin -->", "<!-- soak:end -->"
POOL = "soak"
_WORTH_TELLING = 10  # minutes; a shorter one is a check, and writes no page
_CLIENTS = 16


@dataclass(frozen=True)
class Soak:
    """What was measured.

    Attributes:
        machine: On which.
        minutes: How long, without the measuring of capacity.
        capacity: Queries a second, answered to clients who wait, beside the same writes and jobs.
        asked_rate: Queries a second that came in.
        answered: How many were answered.
        refused: How often a query was told to come again later, and did.
        errors: How often which error came instead; empty for a soak that held.
        latency_ms: Percentiles of answers, from when the query was due: p50, p90, p99, p99.9, worst.
        done: What went on beside the queries, how often.
        growth: Of each process's memory.
    """

    machine: str
    minutes: float
    capacity: float
    asked_rate: float
    answered: int
    refused: int
    errors: dict[str, int]
    latency_ms: dict[str, float]
    done: dict[str, int]
    growth: list[Growth]

    @property
    def held(self) -> bool:
        """No error, and flat memory."""
        return not self.errors and self.answered > 0 and all(each.flat for each in self.growth)


def main() -> int:
    """Measure how many queries a second a server answers beside writes and jobs; then ask a share of it for minutes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="how long")
    parser.add_argument("--load", type=float, default=0.8, help="share of capacity")
    parser.add_argument("--capacity-seconds", type=float, default=60.0, help="how long capacity is measured")
    parser.add_argument("--stored", type=int, default=240, help="size of the pool")
    parser.add_argument("--encoder", default="efficientnet-lite0", help="what the pool is made with")
    parser.add_argument("--json", type=Path, default=None, help="write what was measured to this file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="invariantselect-soak-") as name:
        soak = _soak(asked, Path(name))
    if asked.json is not None:
        asked.json.write_text(json.dumps({**asdict(soak), "held": soak.held}, indent=1))
    table = _table(soak)
    print(table)
    if soak.minutes >= _WORTH_TELLING:
        put(f"{table} {date.today()}.", BEGIN, END, ROOT / "docs" / "faults.md")
    return 0 if soak.held else 1


def _soak(asked: argparse.Namespace, data: Path) -> Soak:
    files = jpeg_crops(max(64, asked.stored))
    with running(data, encoder=asked.encoder) as server, Client(server.url, timeout=600) as client:
        _say("filling the pool and adapting it twice")
        fill(client, POOL, files[: asked.stored])
        changes = Changes(server.url, POOL, files)
        changes.start()
        asker = Asker(server.url, POOL, files[:64])
        asker.as_fast_as_possible(5, clients=_CLIENTS)
        _say(f"measuring capacity for {asked.capacity_seconds:.0f} s")
        capacity, _ = asker.as_fast_as_possible(asked.capacity_seconds, clients=_CLIENTS)
        rate = asked.load * capacity
        _say(f"{capacity:.1f} queries a second; {rate:.1f} a second for {asked.minutes:.1f} minutes")
        watch = MemoryWatch(server.pid)
        watch.start()
        begun = time.monotonic()
        answers = asker.at_rate(rate, 60 * asked.minutes)
        minutes = (time.monotonic() - begun) / 60
        growth = watch.stop()
        changes.stop()
    errors = dict(answers.errors)
    for error in changes.errors:
        errors[error] = errors.get(error, 0) + 1
    return Soak(
        machine=describe(),
        minutes=round(minutes, 2),
        capacity=round(capacity, 1),
        asked_rate=round(rate, 1),
        answered=len(answers.seconds),
        refused=answers.refused,
        errors=errors,
        latency_ms=_percentiles(answers),
        done=dict(sorted(changes.done.items())),
        growth=growth,
    )


def _percentiles(answers: Answers) -> dict[str, float]:
    wanted: Sequence[float] = (50, 90, 99, 99.9, 100)
    found = np.percentile(1000 * np.array(answers.seconds or [0.0]), wanted).round(1).tolist()
    return dict(zip(("p50", "p90", "p99", "p99.9", "worst"), found, strict=True))


def _table(soak: Soak) -> str:
    mib = 1 << 20
    rows = [
        ("capacity, queries a second beside writes and jobs", f"{soak.capacity:.1f}"),
        (f"asked, queries a second for {soak.minutes:.1f} minutes", f"{soak.asked_rate:.1f}"),
        ("answered", f"{soak.answered}"),
        ("told to come again later as the queue was full, and did", f"{soak.refused}"),
        ("errors", ", ".join(f"{count} × {name}" for name, count in soak.errors.items()) or "none"),
        *((f"latency {name}", f"{value:.0f} ms") for name, value in soak.latency_ms.items()),
        *soak.done.items(),
    ]
    for each in soak.growth:
        told = f"{each.mean_bytes / mib:.0f} MiB, grew by {each.grown_bytes / mib:+.1f} MiB"
        rows.append((f"resident memory of the {each.process}", f"{told} (tolerated {each.tolerated_bytes / mib:.0f})"))
    lines = ["| what | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join([*lines, "", f"{'Held' if soak.held else 'FAILED'}. {soak.machine};"])


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
