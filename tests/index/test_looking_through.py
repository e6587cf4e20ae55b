"""A segment that takes the place of another is in memory before it is searched; one opened first is not read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from index.pools import Pools
from index.segments import Segment, open_segment, write_segment
from tests.index.entries import entry, make_pool, recode_first

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


def test_of_a_pool_only_what_comes_after_the_first_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(Segment, "look_through", lambda segment: looked.append(segment.entry.file))
    make_pool(tmp_path).write([entry("a", domain="x")])
    pool = Pools(tmp_path).open("pool")
    pool.rebuild(recode_first)
    assert len(pool.snapshot().sources.segments) == 1
    assert looked == []
    pool.rebuild(recode_first)
    (segment,) = pool.snapshot().sources.segments
    assert looked == [segment.entry.file]
    pool.write([entry("b", domain="x")])
    pool.snapshot()
    assert looked == [segment.entry.file]  # it is open already
