"""What was measured of search is kept by part and size, and the page has every size as it was measured last."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.latencies import Latencies, UnderARebuild
from benchmarks.search import page
from benchmarks.search.kinds import WayFigures
from benchmarks.search.live import LiveFigures
from benchmarks.search.pool import Rebuilt, Served
from benchmarks.search.records import Arranged, Circumstances, PoolRecord, WaysRecord, read, write
from benchmarks.spread import Spread

MONDAY = Circumstances(dim=8, recall=0.95, rounds=2, machine="an abacus", day=date(2026, 11, 23))
TUESDAY = replace(MONDAY, day=date(2026, 11, 24))
WAYS = [
    WayFigures("ours, exact", "", None, None, Spread((2.0, 4.0)), 1.0, 1.0),
    WayFigures("ours, ivf (nlist 4, nprobe 2)", "", 7.0, 0.97, Spread((0.5, 0.25)), 0.96, 0.5),
    WayFigures("ours, hnsw", "exact: too few", None, None),
]


def _arranged(recall: float | None, kind: str, slowest: float) -> Arranged:
    served = Served(kind, 0.5, 20.0, 40.0, Spread((2.0, 4.0)), Spread((3.0, 3.0)), Spread((1.0, 2.0)))
    rebuilding = UnderARebuild(Latencies((2.0, 6.0), 1), 12.0, slowest)
    return Arranged(
        Rebuilt(recall, 9.0, 99.0),
        served,
        LiveFigures(3.0, 150.0, Latencies((1.0, 3.0), 0), rebuilding, Spread((5.0, 6.0, 7.0))),
    )


POOL = PoolRecord(1000, MONDAY, [_arranged(None, "flat", 50.0), _arranged(0.95, "ivf", 9.0)])


def test_records_are_read_as_they_were_written_the_smallest_first(tmp_path: Path) -> None:
    large, small = WaysRecord(2000, MONDAY, WAYS), WaysRecord(30, MONDAY, WAYS[:1])
    for record in (large, small, POOL):
        write(record, tmp_path)
    assert read(WaysRecord, tmp_path) == [small, large]
    assert read(PoolRecord, tmp_path) == [POOL]


def test_a_size_measured_anew_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    write(WaysRecord(30, MONDAY, WAYS), tmp_path)
    write(WaysRecord(2000, MONDAY, WAYS), tmp_path)
    write(WaysRecord(30, TUESDAY, WAYS[:1]), tmp_path)
    assert [(each.count, each.circumstances.day.day, len(each.ways)) for each in read(WaysRecord, tmp_path)] == [
        (30, 24, 1),
        (2000, 23, 3),
    ]


def test_the_page_has_each_way_and_each_arrangement_of_a_pool() -> None:
    lines = "\n".join(page.tables([WaysRecord(1000, MONDAY, WAYS)], [POOL]).values()).splitlines()
    assert "| 1,000 × 8 | ours, exact | 1.000 |  | 1.000 | 3.00 (2.00–4.00) |  |" in lines
    assert "| 1,000 × 8 | ours, ivf (nlist 4, nprobe 2) | 0.960 | 0.970 | 0.500 | 0.38 (0.25–0.50) | 7 s |" in lines
    assert "| 1,000 × 8 | ours, hnsw | exact: too few | | | | |" in lines
    assert "| 1,000 × 8, exact: search by a vector | 3.00 (2.00–4.00) ms | 2.00 (2.00–2.00) |" in lines
    assert "| 1,000 × 8, recall 0.95 (ivf): select by a vector | 3.00 (3.00–3.00) ms | 2.25 (1.50–3.00) |" in lines
    assert "| 1,000 × 8, exact: the slowest while its segment is swapped in | 50.0 ms |  |" in lines
    assert "| 1,000 × 8, recall 0.95 (ivf): the slowest while its segment is swapped in | 9.0 ms |  |" in lines


def test_under_a_table_stands_when_each_size_was_measured() -> None:
    ways = [WaysRecord(10, MONDAY, WAYS), WaysRecord(2000, TUESDAY, WAYS), WaysRecord(30_000, MONDAY, WAYS)]
    tables = page.tables(ways, [POOL])
    told = [line for text in tables.values() for line in text.splitlines() if "an abacus" in line]
    assert [(line.split(":")[0], line[-11:]) for line in told] == [
        ("10, 30,000", "2026-11-23."),
        ("2,000", "2026-11-24."),
        ("1,000", "2026-11-23."),
    ]


def test_what_has_no_records_stays_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    empty = "".join(
        f"<!-- search {part}:begin -->\nold {part}\n<!-- search {part}:end -->\n" for part in ("ways", "pool")
    )
    path.write_text(empty)
    page.write(page.tables([], []), path)
    assert path.read_text() == empty
    page.write(page.tables([], [POOL]), path)
    text = path.read_text()
    assert "old ways" in text
    assert "old pool" not in text
    assert "| 1,000 × 8, exact: opening | 0.50 s |  |" in text
