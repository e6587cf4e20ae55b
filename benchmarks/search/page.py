"""Figures become the tables about search of docs/benchmarks.md: nobody types a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import ROOT, put
from benchmarks.search.kinds import WayFigures
from benchmarks.search.records import Arranged, Circumstances, PoolRecord, WaysRecord
from benchmarks.spread import ratios


def tables(ways: Sequence[WaysRecord], pools: Sequence[PoolRecord]) -> dict[str, str]:
    """The Markdown of each part that has records, by its name."""
    written = {}
    if ways:
        written["ways"] = _ways(ways)
    if pools:
        written["pool"] = _pools(pools)
    return written


def write(tables: Mapping[str, str], path: Path = ROOT / "docs" / "benchmarks.md") -> None:
    """Put each part between its markers of the page; what has no records stays as it was published."""
    for part, text in tables.items():
        put(text, f"<!-- search {part}:begin -->", f"<!-- search {part}:end -->", path)


def asked(recall: float | None) -> str:
    """What a pool was rebuilt for."""
    return "exact" if recall is None else f"recall {recall:g}"


def _ways(records: Sequence[WaysRecord]) -> str:
    lines = [
        "| vectors | searched by | recall@10 | promised | of an unseen domain | ms a query | made in |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_way(_size(record), figures) for record in records for figures in record.ways]
    how = "the ways in turn, one query and one thread at a time; a recall of {recall:g} was asked for"
    return "\n".join([*lines, *_circumstances(records, how)])


def _pools(records: Sequence[PoolRecord]) -> str:
    arranged = [(_size(record), each) for record in records for each in record.arranged]
    lines = ["| a pool of vectors | measured | ratio to bare FAISS |", "|---|---|---|"]
    lines += [row for size, each in arranged for row in _pool(size, each)]
    lines += ["", "| a server with a pool of vectors, one client | measured | ratio |", "|---|---|---|"]
    lines += [row for size, each in arranged for row in _live(size, each)]
    in_turn = "search, selection and bare FAISS in turn, one query and one thread at a time"
    how = f"{in_turn}; rebuilt for a recall of {{recall:g}}"
    return "\n".join([*lines, *_circumstances(records, how)])


def _size(record: WaysRecord | PoolRecord) -> str:
    return f"{record.count:,} × {record.circumstances.dim}"


def _way(size: str, figures: WayFigures) -> str:
    if figures.ms is None:
        return f"| {size} | {figures.name} | {figures.note} | | | | |"
    promised = "" if figures.promised is None else f"{figures.promised:.3f}"
    built = "" if figures.build_seconds is None else f"{figures.build_seconds:.0f} s"
    return (
        f"| {size} | {figures.name} | {figures.recall:.3f} | {promised} | {figures.recall_unseen:.3f} "
        f"| {figures.ms.told()} | {built} |"
    )


def _pool(size: str, arranged: Arranged) -> list[str]:
    rebuilt, served = arranged.rebuilt, arranged.served
    rows = [
        (f"{name} by a vector", f"{spread.told()} ms", ratios(spread, served.bare_ms).told())
        for name, spread in (("search", served.search_ms), ("select", served.select_ms))
    ]
    rows += [
        ("bare FAISS, exact", f"{served.bare_ms.told()} ms", "1"),
        ("opening", f"{served.open_seconds:.2f} s", ""),
        ("private memory, open and searched", f"{served.private_mb:.0f} MB", ""),
        ("mapped and looked at", f"{served.mapped_mb:.0f} MB", ""),
        ("rebuilding, vectors kept", f"{rebuilt.seconds:.0f} s", ""),
        ("most private memory of that", f"{rebuilt.peak_private_mb:.0f} MB", ""),
    ]
    return _rows(size, arranged, rows)


def _live(size: str, arranged: Arranged) -> list[str]:
    figures = arranged.live
    quiet, rebuilding = figures.quiet, figures.rebuilding
    rows = [
        ("start of the server until it is ready", f"{figures.ready_seconds:.1f} s", ""),
        ("its first query, which opens the pool", f"{figures.first_ms:.0f} ms", ""),
        ("select by a vector", quiet.told(), "1"),
        (
            f"the same while a rebuild runs, for {rebuilding.seconds:.0f} s",
            rebuilding.latencies.told(),
            rebuilding.latencies.beside(quiet),
        ),
        ("the slowest while its segment is swapped in", f"{rebuilding.swap_ms:.1f} ms", ""),
        ("the query after a deletion", f"{figures.after_write_ms.told(1)} ms", ""),
    ]
    return _rows(size, arranged, rows)


def _rows(size: str, arranged: Arranged, rows: Sequence[tuple[str, str, str]]) -> list[str]:
    recall, kind = arranged.rebuilt.recall, arranged.served.kind
    pool = f"{size}, {asked(recall)}" + ("" if recall is None else f" ({kind})")
    return [f"| {pool}: {what} | {measured} | {ratio} |" for what, measured, ratio in rows]


def _circumstances(records: Sequence[WaysRecord | PoolRecord], how: str) -> list[str]:
    """A paragraph under a table: how it was measured, on which machine, and when each size was."""
    sizes: dict[Circumstances, list[str]] = {}
    for record in records:
        sizes.setdefault(record.circumstances, []).append(f"{record.count:,}")
    return [
        "",
        *(
            f"{', '.join(counts)}: median (minimum–maximum) of {each.rounds} rounds, {how.format(recall=each.recall)}. "
            f"{each.machine}; {each.day}."
            for each, counts in sizes.items()
        ),
    ]
