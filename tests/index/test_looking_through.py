"""A segment that takes the place of another is in memory before it is searched, where no query waits for that."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pytest

from index import snapshot_cache
from index.pool import Pool
from index.pools import Pools
from index.segments import Segment, open_segment, write_segment
from index.snapshot import Snapshot
from tests.index.entries import SECOND, add_version, entry, make_pool, recode_first, recode_second

DIM, COUNT = 256, 8192
FILE_KB = DIM * COUNT * 4 // 1024

if not Path("/proc/self/smaps").exists():
    pytest.skip("only Linux tells what of a mapping is in memory", allow_module_level=True)


def resident_kb(path: Path) -> int:
    """How much of the mapped file this process has pages of."""
    mappings = re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    sizes = [
        re.search(r"^Rss: +(\d+) kB$", each, re.M) for each in mappings if each.partition("\n")[0].endswith(str(path))
    ]
    return sum(int(size[1]) for size in sizes if size)


def test_all_pages_of_the_vectors_are_looked_at(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((COUNT, DIM)).astype(np.float32)
    entry = write_segment(tmp_path, [(np.arange(COUNT), vectors)], DIM)
    assert entry is not None
    segment = open_segment(tmp_path, entry, DIM)
    assert resident_kb(tmp_path / entry.file) < FILE_KB / 2  # it was opened, which reads the header
    segment.look_through()
    assert resident_kb(tmp_path / entry.file) >= FILE_KB


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Segment]:
    """Segments that are looked through, in turn; every pool is worth loading beside."""
    monkeypatch.setattr(snapshot_cache, "_WORTH_LOADING_BESIDE", 1)
    looked: list[Segment] = []

    def look_through(self: Segment) -> None:
        looked.append(self)

    monkeypatch.setattr(Segment, "look_through", look_through)
    return looked


def segments_of(snapshot: Snapshot) -> list[Segment]:
    return list(snapshot.sources.segments)


def loaded(pool: Pool) -> None:
    """Wait for what is loaded beside."""
    thread = pool._snapshots._beside._thread
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()


def test_of_a_pool_what_is_loaded_beside_and_nothing_that_a_query_waits_for(
    tmp_path: Path, looked: list[Segment]
) -> None:
    make_pool(tmp_path).write([entry("a", domain="x")])
    pool = Pools(tmp_path).open("pool")
    pool.rebuild(recode_first)
    assert segments_of(pool.snapshot()) != []
    pool.rebuild(recode_first)
    pool.snapshot()  # who asks waits
    pool.write([entry("b", domain="x")])
    pool.seal()
    pool.write([entry("c", domain="x")])
    pool.snapshot(wait=False)  # who asks waits for what was written
    assert looked == []
    pool.rebuild(recode_first)
    before = pool.snapshot(wait=False)
    loaded(pool)
    after = pool.snapshot(wait=False)
    assert segments_of(before) != segments_of(after) == looked


def test_two_versions_that_are_opened_first_are_not(tmp_path: Path, looked: list[Segment]) -> None:
    made = make_pool(tmp_path)
    made.write([entry("a", domain="x")])
    made.seal()
    made.switch(add_version(made, SECOND), recode_second)
    pool = Pools(tmp_path).open("pool")
    assert pool.snapshots().adapted is not None
    assert looked == []


def test_of_a_switch_the_new_version_before_it_is_searched(tmp_path: Path, looked: list[Segment]) -> None:
    pool = make_pool(tmp_path)
    pool.write([entry("a", domain="x")])
    pool.seal()
    numbers = [add_version(pool, SECOND) for _ in range(2)]
    pool.switch(numbers[0], recode_second)
    before = pool.snapshots(wait=False)
    pool.switch(numbers[1], recode_second)
    assert pool.snapshots(wait=False) is before
    loaded(pool)
    after = pool.snapshots(wait=False).adapted
    assert after is not None
    assert looked == segments_of(after)


def test_what_another_process_wrote_is_by_who_follows_it(tmp_path: Path, looked: list[Segment]) -> None:
    pool, elsewhere = make_pool(tmp_path), Pools(tmp_path).open("pool")
    pool.snapshot()
    elsewhere.write([entry("a", domain="x")])
    elsewhere.seal()
    assert pool.catch_up(elsewhere.version())
    assert looked == segments_of(pool.snapshot()) != []


def test_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_cache, "_WORTH_LOADING_BESIDE", 1)
    begun, go_on = threading.Event(), threading.Event()

    def held_up(_: Segment) -> None:
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr(Segment, "look_through", held_up)
    pool = make_pool(tmp_path)
    pool.write([entry("a", domain="x")])
    before = pool.snapshot()
    pool.rebuild(recode_first)
    assert pool.snapshot(wait=False) is before
    assert begun.wait(60)
    assert pool.snapshot(wait=False) is before
    pool.write([entry("b", domain="x")])
    assert pool.snapshot(wait=False).position_of("b") is not None  # as a write is seen by the next query
    assert pool.snapshot().version == pool.version()
    go_on.set()
    loaded(pool)
    assert pool.snapshot(wait=False).position_of("b") is not None
