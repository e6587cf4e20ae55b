"""Figures become the section about search of docs/benchmarks.md: nobody types a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from benchmarks.machine import describe
from benchmarks.report import ROOT, put
from benchmarks.search.kinds import WayFigures
from benchmarks.search.live import LiveFigures
from benchmarks.search.pool import PoolFigures
from benchmarks.spread import ratios

BEGIN, END = "<!-- search:begin -->", "<!-- search:end -->"


def section(
    ways: Mapping[int, Sequence[WayFigures]],
    pools: Sequence[PoolFigures],
    served: Sequence[LiveFigures],
    *,
    dim: int,
    recall: float,
    rounds: int,
) -> str:
    """Three tables in Markdown."""
    lines = [
        f"| vectors × {dim} | searched by | recall@10 | promised | of an unseen domain | ms a query | made in |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_way(count, figures) for count, each in ways.items() for figures in each]
    lines += ["", f"| a pool of vectors × {dim} | measured | ratio to bare FAISS |", "|---|---|---|"]
    lines += [row for figures in pools for row in _pool(figures)]
    lines += ["", f"| a server with a pool of vectors × {dim}, one client | measured | ratio |", "|---|---|---|"]
    lines += [row for figures in served for row in _live(figures)]
    lines += [
        "",
        f"Median (minimum–maximum) of {rounds} rounds, the ways in turn, one query and one thread at a time; rebuilt "
        f"for a recall of {recall:g}. {describe()}; {date.today()}.",
    ]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the section into docs/benchmarks.md."""
    put(text, BEGIN, END, ROOT / "docs" / "benchmarks.md")


def _way(count: int, figures: WayFigures) -> str:
    way = figures.way
    if figures.ms is None:
        return f"| {count:,} | {way.name} | {way.note} | | | | |"
    promised = "" if way.promised is None else f"{way.promised:.3f}"
    built = "" if way.build_seconds is None else f"{way.build_seconds:.0f} s"
    return (
        f"| {count:,} | {way.name} | {figures.recall:.3f} | {promised} | {figures.recall_unseen:.3f} "
        f"| {figures.ms.told()} | {built} |"
    )


def _pool(figures: PoolFigures) -> list[str]:
    rows: list[tuple[str, str, str]] = []
    for rebuilt, served in zip(figures.rebuilds, figures.served, strict=True):
        asked = "exact" if rebuilt.recall is None else f"recall {rebuilt.recall:g}: {served.kind}"
        what = f"{figures.count:,}, {asked}"
        for name, spread in (("search", served.search_ms), ("select", served.select_ms)):
            ratio = ratios(spread, served.bare_ms).told()
            rows.append((f"{what}: {name} by a vector", f"{spread.told()} ms", ratio))
        rows += [
            (f"{what}: bare FAISS, exact", f"{served.bare_ms.told()} ms", "1"),
            (f"{what}: opening", f"{served.open_seconds:.2f} s", ""),
            (f"{what}: private memory, open and searched", f"{served.private_mb:.0f} MB", ""),
            (f"{what}: mapped and looked at", f"{served.mapped_mb:.0f} MB", ""),
            (f"{what}: rebuilding, vectors kept", f"{rebuilt.seconds:.0f} s", ""),
            (f"{what}: most private memory of that", f"{rebuilt.peak_private_mb:.0f} MB", ""),
        ]
    return [f"| {what} | {measured} | {ratio} |" for what, measured, ratio in rows]


def _live(figures: LiveFigures) -> list[str]:
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
    return [f"| {figures.count:,}: {what} | {measured} | {ratio} |" for what, measured, ratio in rows]
