"""A pool that was rebuilt for a recall: written, sealed, damaged, killed and rebuilt as any other."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from index.inspection import inspect
from index.pool import Pool
from index.pools import Pools
from index.proposers import choosing
from invariantselect.errors import StoreCorruptError
from tests.index.clock import Clock
from tests.index.entries import DIM, FINGERPRINT, entry, make_pool
from tests.index.model import Model, answers, nearest
from tests.index.test_damage import flip, only, serious
from tests.index.test_kill import Driver, Known, check_recovery

IMAGE = b"an image that all share"
COUNT = 240
SOME = [1, 10, 40, 150]


def entries(count: int = COUNT, seed: int = 0):
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        entry(f"{seed}-{number:03d}", IMAGE, label="dog" if number % 3 else "cat", vectors={FINGERPRINT: vector})
        for number, vector in enumerate(vectors)
    ]


def rebuild(pool: Pool, recall: float | None = 0.9) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "SMALLEST", 100)
        patch.setattr("index.proposers.measuring.time", Clock(1, 1e-3))
        pool.rebuild(None, recall=recall)


def kinds(pool: Pool) -> list[str]:
    return [segment.kind for segment in pool.manifest(pool.live()[0]).segments]


def check(pool: Pool, model: Model) -> None:
    """As many as there are, none that is gone, scored and ordered as by sorting; among cats, the nearest."""
    snapshot = pool.snapshot()
    model.check(snapshot, QUERIES, limit=None)
    vectors = model.vectors()
    cats = np.array([snapshot.labels.value(position) == "cat" for position in range(snapshot.size)])
    among = {id: vectors[id] for id, each in model.entries.items() if each.label == "cat"}
    for query in QUERIES:
        everything, few = dict(nearest(vectors, query, None)), nearest(among, query, None)
        for limit in SOME:
            found = answers(snapshot, query, limit)
            assert len({id for id, _ in found}) == len(found) == min(limit, len(vectors))
            assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
            assert all(everything[id] == score for id, score in found)
            assert answers(snapshot, query, limit, cats) == few[:limit]


QUERIES = np.random.default_rng(99).standard_normal((2, DIM)).astype(np.float32)


@pytest.fixture
def pool(tmp_path) -> Pool:
    pool = make_pool(tmp_path)
    pool.write(entries())
    rebuild(pool)
    assert kinds(pool) in (["hnsw"], ["ivf"])
    return pool


@pytest.fixture
def model() -> Model:
    return Model({each.id: each for each in entries()})


def test_a_rebuild_for_a_recall_keeps_what_the_pool_holds_and_makes_a_new_version(tmp_path):
    pool = make_pool(tmp_path)
    pool.write(entries())
    elsewhere = Pools(tmp_path).open("pool")
    before = elsewhere.snapshot().version
    rebuild(pool)
    for reader in (pool, elsewhere, Pools(tmp_path).open("pool")):
        assert reader.snapshot().version == before + 1
        check(reader, Model({each.id: each for each in entries()}))
    assert pool.manifest(pool.live()[0]).recall == 0.9
    rebuild(pool, None)
    assert (kinds(pool), pool.manifest(pool.live()[0]).recall) == (["flat"], None)
    assert inspect(tmp_path) == []


def test_writes_deletions_and_seals_go_on_around_an_approximate_segment(pool, model, tmp_path):
    more = entries(60, seed=1)
    pool.write(more)
    model.entries.update({each.id: each for each in more})
    gone = [each.id for each in entries()[::2]] + [more[0].id]
    pool.delete(gone)
    model.entries = {id: each for id, each in model.entries.items() if id not in gone}
    check(pool, model)
    before = [answers(pool.snapshot(), query, 10) for query in QUERIES]
    pool.seal()
    assert kinds(pool)[1:] == ["flat"]
    assert [answers(Pools(tmp_path).open("pool").snapshot(), query, 10) for query in QUERIES] == before
    rest = sorted(model.entries)[10:]
    pool.delete(rest)  # by far the most of it is dead, and answers must not change under a version all the same
    pool.seal()
    assert kinds(pool)[0] != "flat"
    model.entries = {id: each for id, each in model.entries.items() if id not in rest}
    check(pool, model)
    pool.delete(list(model.entries))
    pool.seal()
    assert kinds(pool) == []
    assert inspect(tmp_path) == []


@pytest.mark.parametrize("damage", ["flip", "cut", "lost"])
def test_a_damaged_approximate_file_is_named_and_a_rebuild_that_keeps_the_vectors_mends_it(
    pool, model, tmp_path, damage
):
    path = only(tmp_path, f"pools/*/*.{kinds(pool)[0]}.faiss")
    if damage == "flip":
        flip(path, path.stat().st_size // 2)
    else:
        content = path.read_bytes()
        path.unlink()
        if damage == "cut":
            path.write_bytes(content[:-9])
        with pytest.raises(StoreCorruptError):
            Pools(tmp_path).open("pool").snapshot()
    assert any(str(path) in detail for detail in serious(tmp_path))
    mended = Pools(tmp_path).open("pool")
    rebuild(mended)
    check(mended, model)
    assert inspect(tmp_path) == []


def test_vectors_that_were_altered_or_lost_are_not_kept(pool, tmp_path):
    before = kinds(pool)
    path = next(path for path in tmp_path.glob("pools/*/*.faiss") if path.name.count(".") == 1)
    flip(path, -1)
    with pytest.raises(StoreCorruptError, match="altered"):
        rebuild(pool)
    path.unlink()
    with pytest.raises(StoreCorruptError, match="missing"):
        rebuild(pool)
    assert kinds(pool) == before
    with pool._catalog.writing() as connection:
        connection.exec_driver_sql("DELETE FROM tail_vectors")
    pool.write(entries(2, seed=5))
    with pool._catalog.writing() as connection:
        connection.exec_driver_sql("DELETE FROM tail_vectors")
    with pytest.raises(StoreCorruptError):
        rebuild(pool)


@pytest.mark.parametrize("call", ["fsync", "replace", "commit", "unlink"])
def test_dying_at_each_step_of_a_rebuild_for_a_recall_leaves_a_right_pool(tmp_path, call):
    original = tmp_path / "original"
    with Pools(original) as pools:
        pool = pools.create("pool", "fake", FINGERPRINT, DIM)
        pool.write(entries(101))
        pool.seal()
    model = Model({each.id: each for each in entries(101)})
    driver, nth, alive = Driver(original), 0, False
    seen: set[str] = set()
    try:
        while not alive:
            nth += 1
            copy = tmp_path / str(nth)
            shutil.copytree(original, copy)
            order = {"at": f"before {call}", "nth": nth, "plan": [["rebuild", 0.9]], "data": str(copy)}
            done, under_way, end = driver.order(**order)
            check_recovery(copy, Known(model), done, under_way)
            alive = not end["died"]
            with Pools(copy) as pools:
                pool = pools.open("pool")
                seen.update(kinds(pool))
                named = [name for entry in pool.manifest(pool.live()[0]).segments for name in entry.files]
            assert sorted(path.name for path in copy.glob("pools/*/segment-*")) == sorted(named)
    finally:
        driver.close()
    assert seen & {"hnsw", "ivf"}
    assert nth > {"fsync": 8, "replace": 1, "commit": 2, "unlink": 2}[call]
    with Pools(copy) as pools:
        check(pools.open("pool"), model)
