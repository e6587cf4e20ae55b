"""Where a large pool is only arranged anew, queries go on with the snapshot before while the present one is loaded."""

from __future__ import annotations

import threading

import pytest

from index import snapshot_cache
from index.pool import Pool
from index.pools import Pools
from invariantselect.errors import StoreCorruptError
from tests.index.entries import SECOND, add_version, entry, make_pool, recode_first, recode_second


@pytest.fixture
def pool(tmp_path, monkeypatch) -> Pool:
    monkeypatch.setattr(snapshot_cache, "_WORTH_LOADING_BESIDE", 20)
    pool = make_pool(tmp_path)
    pool.write([entry(f"{number:02d}", domain="x") for number in range(20)])
    pool.seal()
    return pool


@pytest.fixture
def loading(monkeypatch):
    """Loading waits until this is set."""
    go_on = threading.Event()
    real = snapshot_cache.refreshed

    def waiting(*args, **kwargs):
        assert go_on.wait(30)
        return real(*args, **kwargs)

    def hold():
        monkeypatch.setattr(snapshot_cache, "refreshed", waiting)
        return go_on

    return hold


def wait_for_loading(cache: snapshot_cache.SnapshotCache) -> None:
    thread = cache._beside._thread
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()


def test_after_a_rebuild_queries_go_on(pool, tmp_path, loading):
    before = pool.snapshot()
    Pools(tmp_path).open("pool").rebuild(recode_first)
    go_on = loading()
    assert pool.snapshot(wait=False) is before
    assert pool.snapshot(wait=False) is before  # and nobody else begins to load
    go_on.set()
    wait_for_loading(pool._snapshots)
    after = pool.snapshot(wait=False)
    assert (after.version, after.generation) == (pool.version(), pool.manifest(pool.versions()[0]).generation)


def test_who_waits_gets_the_present_one(pool, tmp_path):
    before = pool.snapshot()
    Pools(tmp_path).open("pool").rebuild(recode_first)
    assert pool.snapshot().version == before.version + 1


@pytest.mark.parametrize("write", ["upsert", "patch", "delete"])
def test_what_was_written_is_seen_at_once(pool, tmp_path, write):
    pool.snapshot()
    other = Pools(tmp_path).open("pool")
    other.rebuild(recode_first)
    if write == "upsert":
        other.write([entry("new")])
    elif write == "patch":
        other.patch({"00": {"label": "dog"}})
    else:
        other.delete(["00"])
    found = pool.snapshot(wait=False)
    assert found.version == other.version()
    assert (found.position_of("new") is not None) == (write == "upsert")
    assert (found.position_of("00") is None) == (write == "delete")
    if write == "patch":
        assert found.demonstration(found.position_of("00")).label == "dog"


def test_a_small_pool_is_loaded_at_once(pool, tmp_path):
    pool.delete(["00"])
    pool.rebuild(recode_first)  # 19 positions
    pool.snapshot()
    Pools(tmp_path).open("pool").rebuild(recode_first)
    assert pool.snapshot(wait=False).version == pool.version()


def test_what_can_not_be_loaded_is_told_to_the_next_query(pool, tmp_path, caplog):
    before = pool.snapshot()
    Pools(tmp_path).open("pool").rebuild(recode_first)
    (segment,) = tmp_path.glob("pools/*/segment-*.rows.npy")
    segment.write_bytes(b"nothing")
    assert pool.snapshot(wait=False) is before
    wait_for_loading(pool._snapshots)
    assert "can't be loaded" in caplog.text
    with pytest.raises(StoreCorruptError, match=segment.name):
        pool.snapshot(wait=False)


def test_a_switch_is_loaded_beside_too_and_a_first_one_at_once(pool, tmp_path, loading):
    pool.snapshots()
    numbers = [add_version(pool, SECOND) for _ in range(2)]
    pool.switch(numbers[0], recode_second)
    first = pool.snapshots(wait=False)
    assert (first.serving.number, first.frozen.version) == (numbers[0], pool.version())
    Pools(tmp_path).open("pool").switch(numbers[1], recode_second)
    go_on = loading()
    assert pool.snapshots(wait=False) is first
    go_on.set()
    wait_for_loading(pool._snapshots)
    assert pool.snapshots(wait=False).serving.number == numbers[1]
