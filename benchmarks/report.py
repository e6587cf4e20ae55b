"""Figures become the table of docs/benchmarks.md and of the README: nobody types a number."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from benchmarks.ingest import IngestFigures
from benchmarks.machine import describe
from benchmarks.memory import MemoryFigures
from benchmarks.rest import RestFigures
from benchmarks.spread import ratios

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def table(rest: RestFigures, ingest: IngestFigures, memory: MemoryFigures) -> str:
    """The Markdown table, medians with (minimum–maximum) over the rounds."""
    rounds = len(rest.by_hand_ms.rounds)
    size = f"{rest.pool_size:,}"
    rows = [
        ("decode + encode + FAISS by hand, in a loop", f"{rest.by_hand_ms.told(1)} ms an image", "1"),
        (
            "REST select, 1 client",
            f"{rest.one_client_ms.told(1)} ms an image",
            ratios(rest.one_client_ms, rest.by_hand_ms).told(),
        ),
        (
            "REST select, 32 clients",
            f"{rest.many_clients_ms.told(1)} ms an image",
            ratios(rest.many_clients_ms, rest.by_hand_ms).told(),
        ),
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
