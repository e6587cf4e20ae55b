"""Figures become the table of docs/benchmarks.md and of the README: nobody types a number."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from benchmarks.by_hand import BATCH
from benchmarks.ingest import IngestFigures
from benchmarks.machine import describe
from benchmarks.memory import MemoryFigures
from benchmarks.rest import RestFigures
from benchmarks.spread import Spread, ratios

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def table(rest: RestFigures, ingest: IngestFigures, memory: MemoryFigures) -> str:
    """The Markdown table, medians with (minimum–maximum) over the rounds."""
    rounds = len(rest.by_hand_ms.rounds)
    size = f"{rest.pool_size:,}"
    rows = [
        *_rest_rows(rest),
        ("decode + encode in a loop, batches of 64", f"{ingest.bare_per_second.told(0)} images/s", "1"),
        (
            f"ingest of a folder of {ingest.images:,}",
            f"{ingest.ingest_per_second.told(0)} images/s",
            ratios(ingest.ingest_per_second, ingest.bare_per_second).told(),
        ),
        (f"private memory of {memory.demonstrations:,} demonstrations", f"{memory.private_mb:.0f} MB", ""),
        (f"memory-mapped vectors of {memory.demonstrations:,} × 1280", f"{memory.mapped_mb:.0f} MB", ""),
        (f"disk of {memory.demonstrations:,} × 1280, without images", f"{memory.disk_mb:.0f} MB", ""),
        (f"opening a pool of {memory.demonstrations:,}", f"{memory.open_seconds:.2f} s", ""),
    ]
    lines = ["| what | measured | ratio to by hand |", "|---|---|---|"]
    lines += [f"| {what} | {measured} | {ratio} |" for what, measured, ratio in rows]
    lines += [
        "",
        f"Median (minimum–maximum) of {rounds} rounds, the rows in turn; 400 × 400 JPEG, "
        f"`efficientnet-lite0`, a pool of {size} for the REST rows. The clients run on the same cores as the server. "
        f"{describe()}; {date.today()}.",
    ]
    return "\n".join(lines)


def _rest_rows(rest: RestFigures) -> list[tuple[str, str, str]]:
    def throughput(what: str, measured: Spread) -> tuple[str, str, str]:
        # Of throughputs, so above 1 where REST does more a second: the times turned round.
        return what, f"{_a_second(measured).told(0)} images/s", ratios(rest.in_batches_ms, measured).told()

    return [
        ("decode + encode + FAISS by hand, in a loop", f"{rest.by_hand_ms.told(1)} ms an image", "1"),
        (
            "REST select by image, 1 client",
            f"{rest.alone_ms.told(1)} ms an image",
            ratios(rest.alone_ms, rest.by_hand_ms).told(),
        ),
        (f"the same by hand, in batches of {BATCH}", f"{_a_second(rest.in_batches_ms).told(0)} images/s", "1"),
        *(throughput(f"REST select by image, {clients} clients", each) for clients, each in rest.crowd_ms.items()),
        throughput(f"REST select:batch of {BATCH} images, 1 client", rest.batch_ms),
        ("FAISS by hand, a vector", f"{rest.faiss_ms.told(2)} ms", "1"),
        (
            "REST select by vector, 1 client",
            f"{rest.vector_ms.told(2)} ms",
            ratios(rest.vector_ms, rest.faiss_ms).told(),
        ),
        ("REST select by image, 1 client, each", rest.quiet.told(), "1"),
        (
            f"the same while a rebuild encodes the pool, for {rest.rebuilding.seconds:.0f} s",
            rest.rebuilding.latencies.told(),
            rest.rebuilding.latencies.beside(rest.quiet),
        ),
        ("start of the server until it is ready", f"{rest.ready_seconds.told(1)} s", ""),
    ]


def _a_second(milliseconds: Spread) -> Spread:
    return Spread(tuple(1000 / each for each in milliseconds.rounds))


def write(text: str) -> None:
    """Put the table between the markers of the README and of docs/benchmarks.md."""
    for path in (ROOT / "README.md", ROOT / "docs" / "benchmarks.md"):
        put(text, BEGIN, END, path)


def put(text: str, begin: str, end: str, path: Path) -> None:
    """Put a text between two markers of a page."""
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    page, found = pattern.subn(lambda _: f"{begin}\n{text}\n{end}", page)
    if found != 1:
        raise RuntimeError(f"{path} has no place for the table ({begin} … {end})")
    path.write_text(page, encoding="utf-8")
