"""The file beside a pool's segments gives what SQL would give, or nothing at all. See also test_pool_states.py."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from index import kept_columns, refresh
from index.column import Column
from index.inspection import inspect
from index.kept_columns import COLUMNS, read_kept
from index.pool import Changes, Pool
from index.pools import Pools
from index.snapshot import Snapshot
from tests.index.entries import entry, make_pool, recode_first

COUNT = 40
INFINITE = b'{"format": 2, "version": Infinity, "rows": 1, "sha256": ""}\nrest'


@pytest.fixture(autouse=True)
def kept_from_the_first_on(monkeypatch):
    monkeypatch.setattr(kept_columns, "_WORTH_KEEPING", 1)


@pytest.fixture
def read_since(monkeypatch) -> list[int]:
    """From which version on each opening reads SQL."""
    asked: list[int] = []
    real = refresh.read_columns

    def watched(connection, key, *, since):
        asked.append(since)
        return real(connection, key, since=since)

    monkeypatch.setattr(refresh, "read_columns", watched)
    return asked


def filled(data: Path) -> Pool:
    pool = make_pool(data)
    pool.write(
        [
            entry(
                f"ü/{number:02d}",
                label=f"label {number % 3}",
                domain=["x", None][number % 2],
                group=None if number % 5 else f"g{number}",
                metadata={"n": number % 7, "t": "é"} if number % 4 else {},
            )
            for number in range(COUNT)
        ]
    )
    pool.seal()
    return pool


def file_of(data: Path) -> Path:
    (path,) = data.glob(f"pools/*/{COLUMNS}")
    return path


def same(one: Snapshot, other: Snapshot) -> bool:
    def told(snapshot: Snapshot) -> list[object]:
        living = np.flatnonzero(snapshot.alive)
        return [snapshot.version, [(snapshot.rows[each], snapshot.demonstration(each)) for each in living.tolist()]]

    living = np.flatnonzero(one.alive).tolist()
    return told(one) == told(other) and [one.position_of(one.ids[each]) for each in living] == living


def everything_of(data: Path) -> Snapshot:
    """What is opened without the file."""
    path = file_of(data)
    content = path.read_bytes()
    path.unlink()
    opened = Pools(data).open("pool").snapshot()
    path.write_bytes(content)
    return opened


def test_an_opening_reads_only_what_was_written_since(tmp_path, read_since):
    pool = filled(tmp_path)
    sealed = pool.version()
    pool.write([entry("ü/03", label="other words"), entry("ü/04", b"another image"), entry("new")])
    pool.delete(["ü/05"])
    opened = Pools(tmp_path).open("pool").snapshot()
    assert read_since == [sealed]
    assert opened.position_of("ü/05") is None
    file_of(tmp_path).unlink()
    everything = Pools(tmp_path).open("pool").snapshot()
    assert read_since == [sealed, 0]
    assert same(opened, everything)


def test_a_rebuild_writes_it_anew_where_enough_has_changed(tmp_path, read_since):
    pool = filled(tmp_path)
    pool.delete([f"ü/{number:02d}" for number in range(20)])
    pool.rebuild(recode_first)
    opened = Pools(tmp_path).open("pool").snapshot()
    assert read_since == [pool.version()]
    assert (opened.size, len(opened.rows_by_id)) == (20, 20)


def test_a_rebuild_leaves_a_sound_one_as_it_is(tmp_path, read_since):
    pool = filled(tmp_path)
    sealed, file = pool.version(), file_of(tmp_path).stat().st_ino
    pool.write([entry("one more")])
    pool.rebuild(None)
    assert file_of(tmp_path).stat().st_ino == file
    opened = Pools(tmp_path).open("pool").snapshot()
    assert read_since == [sealed]
    assert same(opened, pool.snapshot())


def test_a_seal_writes_it_only_where_enough_has_changed(tmp_path):
    pool = filled(tmp_path)
    first = read_kept(file_of(tmp_path))
    pool.write([entry("one more")])
    pool.seal()
    assert read_kept(file_of(tmp_path)).version == first.version
    pool.write([entry(f"many more {number}") for number in range(10)])
    pool.seal()
    later = read_kept(file_of(tmp_path))
    assert (later.version, later.columns.size) == (pool.version(), COUNT + 11)


def test_a_small_pool_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_columns, "_WORTH_KEEPING", COUNT + 1)
    filled(tmp_path)
    assert not list(tmp_path.glob(f"pools/*/{COLUMNS}"))


@pytest.mark.parametrize("recode", [None, recode_first])
@pytest.mark.parametrize("offset", [0, 12, 25, 30, 200, -1])
def test_a_damaged_one_is_passed_over_and_told_of(tmp_path, read_since, caplog, offset, recode):
    pool = filled(tmp_path)
    path = file_of(tmp_path)
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x11
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        opened = Pools(tmp_path).open("pool").snapshot()
    assert read_since == [0]
    assert str(path) in caplog.text
    assert same(opened, pool.snapshot())
    (finding,) = inspect(tmp_path)
    assert (finding.harmless, str(path) in finding.detail) == (True, True)
    caplog.clear()
    pool.rebuild(recode)
    assert inspect(tmp_path) == []
    assert len(caplog.records) == (recode is None)  # who believes nothing needn't read it
    assert same(Pools(tmp_path).open("pool").snapshot(), everything_of(tmp_path))


@pytest.mark.parametrize("recode", [None, recode_first])
@pytest.mark.parametrize("changes", [{"version": 3}, {"version": 10**30}, {"version": -1}, {"rows": 3}])
def test_an_altered_header_is_passed_over_and_mended(tmp_path, read_since, changes, recode):
    pool = filled(tmp_path)
    pool.patch({"ü/03": Changes(label="a"), "ü/04": Changes(label="b")})
    header, body = file_of(tmp_path).read_bytes().split(b"\n", 1)
    file_of(tmp_path).write_bytes(json.dumps({**json.loads(header), **changes}).encode() + b"\n" + body)
    opened = Pools(tmp_path).open("pool").snapshot()
    assert read_since == [0]
    pool.rebuild(recode)
    assert inspect(tmp_path) == []
    read_since.clear()
    mended = Pools(tmp_path).open("pool").snapshot()
    assert read_since != [0]
    assert [mended.demonstration(mended.position_of(id)).label for id in ("ü/03", "ü/04")] == ["a", "b"]
    assert same(mended, everything_of(tmp_path))
    assert opened.size == mended.size


@pytest.mark.parametrize("version", [10**30, -1])
def test_a_seal_goes_by_the_header_alone_and_by_no_impossible_one(tmp_path, version):
    pool = filled(tmp_path)
    header, body = file_of(tmp_path).read_bytes().split(b"\n", 1)
    file_of(tmp_path).write_bytes(json.dumps({**json.loads(header), "version": version}).encode() + b"\n" + body)
    pool.write([entry("one more")])
    pool.seal()
    assert read_kept(file_of(tmp_path)).version == pool.version()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}\n", b"[" * 5000, b'{"format": 2, "version": 1}\nrest', INFINITE])
def test_nonsense_is_passed_over(tmp_path, content):
    pool = filled(tmp_path)
    file_of(tmp_path).write_bytes(content)
    assert same(Pools(tmp_path).open("pool").snapshot(), pool.snapshot())


def test_a_catalog_from_a_backup_is_not_mixed_with_what_came_after_it(tmp_path, read_since):
    pool = filled(tmp_path / "data")
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    pool.write([entry(f"ü/{number:02d}", label="wrong") for number in range(COUNT)])
    pool.seal()
    (tmp_path / "data" / "catalog.sqlite3").unlink()
    for file in (tmp_path / "backup").glob("catalog.sqlite3*"):
        shutil.copy(file, tmp_path / "data" / file.name)
    restored = Pools(tmp_path / "data").open("pool")
    for number in range(3):  # past the version that the file was of
        restored.patch({"ü/00": {"label": f"right {number}"}})
    opened = Pools(tmp_path / "data").open("pool").snapshot()
    assert opened.demonstration(opened.position_of("ü/00")).label == "right 2"
    assert opened.demonstration(opened.position_of("ü/01")).label == "label 1"


def test_texts_that_are_empty_or_none_stay_apart(tmp_path):
    assert kept_columns._texts(kept_columns._joined([])) == []
    assert kept_columns._texts(kept_columns._joined([""])) == [""]
    assert kept_columns._texts(kept_columns._joined(["a", "", "é"])) == ["a", "", "é"]
    assert Column.of([None]).values == ()
