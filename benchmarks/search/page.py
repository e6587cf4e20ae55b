"""Figures become the section about search of docs/benchmarks.md: nobody types a number."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import ROOT, put
from benchmarks.search.kinds import WayFigures
from benchmarks.search.records import Arranged, Circumstances, PoolRecord, WaysRecord
from benchmarks.spread import ratios

BEGIN, END = "<!-- search:begin -->", "<!-- search:end -->"


def section(ways: Sequence[WaysRecord], pools: Sequence[PoolRecord]) -> str:
    """Three tables in Markdown."""
    dim = (ways or pools)[0].circumstances.dim
    lines = [
        f"| vectors × {dim} | searched by | recall@10 | promised | of an unseen domain | ms a query | made in |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_way(record.count, figures) for record in ways for figures in record.ways]
    lines += _circumstances(ways)
    lines += ["", f"| a pool of vectors × {dim} | measured | ratio to bare FAISS |", "|---|---|---|"]
    lines += [row for record in pools for each in record.arranged for row in _pool(record.count, each)]
    lines += ["", f"| a server with a pool of vectors × {dim}, one client | measured | ratio |", "|---|---|---|"]
    lines += [row for record in pools for each in record.arranged for row in _live(record.count, each)]
    lines += _circumstances(pools)
    return "\n".join(lines)


def asked(recall: float | None) -> str:
    """What a pool was rebuilt for."""
    return "exact" if recall is None else f"recall {recall:g}"


def write(text: str) -> None:
    """Put the section into docs/benchmarks.md."""
    put(text, BEGIN, END, ROOT / "docs" / "benchmarks.md")


def _way(count: int, figures: WayFigures) -> str:
    if figures.ms is None:
        return f"| {count:,} | {figures.name} | {figures.note} | | | | |"
    promised = "" if figures.promised is None else f"{figures.promised:.3f}"
    built = "" if figures.build_seconds is None else f"{figures.build_seconds:.0f} s"
    return (
        f"| {count:,} | {figures.name} | {figures.recall:.3f} | {promised} | {figures.recall_unseen:.3f} "
        f"| {figures.ms.told()} | {built} |"
    )


def _pool(count: int, arranged: Arranged) -> list[str]:
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
    return _rows(count, arranged, rows)


def _live(count: int, arranged: Arranged) -> list[str]:
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
    return _rows(count, arranged, rows)


def _rows(count: int, arranged: Arranged, rows: Sequence[tuple[str, str, str]]) -> list[str]:
    recall, kind = arranged.rebuilt.recall, arranged.served.kind
    pool = f"{count:,}, {asked(recall)}" + ("" if recall is None else f" ({kind})")
    return [f"| {pool}: {what} | {measured} | {ratio} |" for what, measured, ratio in rows]


def _circumstances(records: Sequence[WaysRecord | PoolRecord]) -> list[str]:
    """A paragraph under a table: how it was measured, on which machine, and when each size was."""
    sizes: dict[Circumstances, list[str]] = {}
    for record in records:
        sizes.setdefault(record.circumstances, []).append(f"{record.count:,}")
    lines = [""]
    for each, counts in sizes.items():
        lines.append(
            f"{', '.join(counts)}: median (minimum–maximum) of {each.rounds} rounds, the ways in turn, one query "
            f"and one thread at a time; a recall of {each.recall:g} was asked for. {each.machine}; {each.day}."
        )
    return lines
