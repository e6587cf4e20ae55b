"""What is written while a rebuild goes on is sealed as ever, and is still there when the rebuild is published."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import inspection, rebuilding
from index.inspection import inspect
from index.proposers import choosing, measuring
from index.rebuild_folder import rebuild_folder, remnants
from index.recoding import RowsToEncode
from index.sealing import exclusive
from invariantselect.errors import EncoderVersionNotFoundError, PoolNotAdaptedError, StoreCorruptError
from tests.catalogs import Pools
from tests.index.clock import Clock
from tests.index.entries import (
    FINGERPRINT,
    SECOND,
    add_version,
    entry,
    make_pool,
    recode_first,
    recode_for,
    recode_second,
)
from tests.index.model import Model, queries_in


def written(pool, model, ids, image=None):
    entries = [entry(id, None if image is None else f"{image} {id}".encode(), domain="x") for id in ids]
    assert "failed" not in {outcome.status for outcome in pool.write(entries)}
    model.entries.update({each.id: each for each in entries})


def deleted(pool, model, ids):
    gone = list(ids)
    pool.delete(gone)
    for id in gone:
        model.entries.pop(id, None)


def unsealed(pool, number=1):
    with pool._catalog.reading() as connection:
        asked = "SELECT count(*) FROM tail_vectors WHERE number = :number".replace(":number", str(number))
        return connection.exec_driver_sql(asked).scalar_one()


def busy(recode, *works):
    """An encoder in the midst of whose calls something happens, one work each."""
    waiting = list(works)

    def recoding(given: RowsToEncode) -> np.ndarray:
        if waiting:
            waiting.pop(0)()
        return recode(given)

    return recoding


def in_rebuild(pool, number=1):
    (space,) = [pool._space(version) for version in pool.versions() if version.number == number]
    return remnants(rebuild_folder(space))


@pytest.fixture
def pool(tmp_path):
    return make_pool(tmp_path, seal_at=50)


def test_the_tail_stays_small_while_a_rebuild_goes_on(pool, tmp_path):
    model, most = Model(), []
    written(pool, model, map(str, range(200)))

    def more():
        for start in range(200, 700, 20):
            written(pool, model, map(str, range(start, start + 20)))
            most.append(unsealed(pool))
        deleted(pool, model, map(str, range(150, 450)))
        model.check_all(pool)

    before = pool.snapshot()
    pool.rebuild(busy(recode_first, more))
    assert max(most) < 70
    model.check_all(pool)
    Model({str(number): entry(str(number), domain="x") for number in range(200)}).check(before, queries_in(before.dim))
    assert in_rebuild(pool) == []
    assert inspect(tmp_path) == []
    Model(model.entries).check_all(Pools(tmp_path).open("pool"))


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "replace", "delete", "seal", "look"]), st.integers(0, 40), st.integers(1, 12)),
    max_size=14,
)


@given(before=STEPS, during=STEPS, seal_at=st.integers(3, 40), keep=st.booleans())
@settings(max_examples=20, deadline=None)
def test_whatever_happens_meanwhile_answers_are_right(tmp_path_factory, before, during, seal_at, keep):
    data = tmp_path_factory.mktemp("data")
    pool, model = make_pool(data, seal_at=seal_at), Model()
    second = add_version(pool, SECOND)
    pool.switch(second, recode_second)
    written(pool, model, ["always"])

    def do(steps):
        for kind, first, count in steps:
            ids = [str(number) for number in range(first, first + count)]
            match kind:
                case "write":
                    written(pool, model, ids)
                case "replace":
                    written(pool, model, ids, f"another {first}")
                case "delete":
                    deleted(pool, model, ids)
                case "seal":
                    pool.seal()
                case _:
                    model.check_all(pool)

    do(before)
    with pytest.MonkeyPatch.context() as patch:
        if keep:
            real = rebuilding.publish
            waiting = [during]

            def publish(*arguments):
                while waiting:
                    do(waiting.pop())
                return real(*arguments)

            patch.setattr(rebuilding, "publish", publish)
            pool.rebuild(None)
        else:
            pool.rebuild(busy(recode_first, lambda: do(during)))
            pool.rebuild(busy(recode_second, lambda: do(during)), second)
    model.check_all(pool, limit=None)
    again = Pools(data).open("pool")
    model.check_all(again)
    again.seal()
    model.check_all(again)
    assert inspect(data) == []


def test_an_approximate_half_is_made_while_seals_go_on(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "SMALLEST", 100)
    monkeypatch.setattr(measuring, "time", Clock(1, 1e-3))
    model, told = Model(), []
    written(pool, model, map(str, range(400)))

    def tick(*_):
        if not told:
            written(pool, model, map(str, range(400, 520)))
            assert unsealed(pool) < 70
        told.append(1)

    pool.rebuild(None, recall=0.99, tick=tick)
    kinds = [segment.kind for segment in pool.manifest(pool.versions()[0]).segments]
    assert told
    assert kinds[0] != "flat"
    assert set(kinds[1:]) == {"flat"}
    assert len(pool.snapshot().ids) == 520
    assert inspect(tmp_path) == []


@pytest.mark.parametrize(("files", "content"), [("segment-*.rows.npy", b""), ("segment-*.faiss", b"else")])
def test_what_is_damaged_meanwhile_is_encoded_again(pool, tmp_path, files, content):
    model = Model()
    written(pool, model, map(str, range(100)))
    pool.seal()

    def damage():
        written(pool, model, map(str, range(100, 200)))
        pool.seal()
        for path in pool._folder.glob(files):
            path.write_bytes(content and path.read_bytes()[:-4] + content)

    pool.rebuild(busy(recode_first, damage))
    model.check_all(Pools(tmp_path).open("pool"))
    assert inspect(tmp_path) == []


def test_what_is_damaged_meanwhile_is_not_kept_without_a_word(pool, monkeypatch):
    model, real = Model(), rebuilding.publish
    written(pool, model, map(str, range(100)))
    manifest = []

    def publish(*arguments):
        written(pool, model, map(str, range(100, 180)))  # so many that what the rebuild has is merged with them
        manifest.append(pool.manifest(pool.versions()[0]))
        for path in pool._folder.glob("segment-*.faiss"):
            path.write_bytes(path.read_bytes()[:-4] + b"else")
        return real(*arguments)

    monkeypatch.setattr(rebuilding, "publish", publish)
    with pytest.raises(StoreCorruptError, match="lost meanwhile") as refused:
        pool.rebuild(None)
    assert "Rebuild without keeping" in refused.value.hint
    assert [pool.manifest(pool.versions()[0])] == manifest
    assert in_rebuild(pool) == []


def test_a_manifest_that_is_lost_meanwhile_costs_nothing(pool, tmp_path):
    model = Model()
    written(pool, model, map(str, range(100)))

    def lose():
        written(pool, model, map(str, range(100, 200)))
        pool.seal()
        (pool._folder / "manifest.json").write_bytes(b"{")

    pool.rebuild(busy(recode_first, lose))
    model.check_all(Pools(tmp_path).open("pool"))
    assert inspect(tmp_path) == []


@pytest.mark.parametrize("gone", [False, True])
def test_a_version_that_serves_no_more_is_left_as_it_is(pool, gone):
    number = add_version(pool, SECOND)
    model = Model()
    written(pool, model, map(str, range(20)))
    pool.switch(number, recode_second)
    version = pool.versions()[1]
    pool.seal()
    manifest = pool.manifest(version)

    def back():
        pool.switch(1, recode_first)
        if gone:
            pool.discard(number)

    with pytest.raises(EncoderVersionNotFoundError if gone else PoolNotAdaptedError):
        pool.rebuild(busy(recode_second, back), number)
    if not gone:
        assert pool.manifest(version) == manifest
        pool.switch(number, recode_for(version))
    else:
        assert not pool._space(version).folder.exists()
    model.check_all(pool)
    assert not remnants(rebuild_folder(pool._space(version)))


def test_a_second_rebuild_waits_for_the_first(pool):
    model, order, began = Model(), [], threading.Event()
    written(pool, model, map(str, range(10)))

    def first():
        second.start()
        assert began.wait(60)
        order.append("first")

    def again():
        began.set()
        pool.rebuild(busy(recode_first, lambda: order.append("second")))

    second = threading.Thread(target=again)
    pool.rebuild(busy(recode_first, first))
    second.join(60)
    assert order == ["first", "second"]
    model.check_all(pool)


def test_a_drop_waits_for_a_rebuild(pool, tmp_path):
    written(pool, Model(), map(str, range(10)))
    began, dropped = threading.Event(), []

    def drop():
        began.set()
        Pools(tmp_path).drop("pool")
        dropped.append(True)

    dropping = threading.Thread(target=drop)

    def meanwhile():
        dropping.start()
        assert began.wait(60)
        assert not dropped

    pool.rebuild(busy(recode_first, meanwhile))
    dropping.join(60)
    assert dropped
    assert list(tmp_path.glob("pools/*")) == []


def test_what_a_rebuild_that_died_left_is_told_and_removed(pool, tmp_path, monkeypatch):
    written(pool, Model(), map(str, range(10)))
    pool.rebuild(recode_first)
    folder = rebuild_folder(pool._space(pool.versions()[0]))
    (folder / "segment-0123.faiss").write_bytes(b"half")
    (finding,) = inspect(tmp_path)
    assert finding.harmless
    assert "segment-0123.faiss" in finding.detail
    with exclusive(folder, wait=True):
        Pools(tmp_path).open("pool")  # somebody is at work there
        assert remnants(folder)
        monkeypatch.setattr(inspection, "_PATIENCE_S", 0.05)
        (finding,) = inspect(tmp_path)
        assert "being made anew" in finding.detail
    Pools(tmp_path).open("pool")
    assert not remnants(folder)
    assert inspect(tmp_path) == []


def test_readers_that_saw_every_moment_agree(pool, tmp_path):
    """A reader that refreshes at any moment, and one that opens then, see what the model has."""
    chance, model = random.Random(3), Model()
    reader = Pools(tmp_path).open("pool")
    written(pool, model, map(str, range(120)))

    def work():
        for _ in range(12):
            ids = [str(chance.randrange(200)) for _ in range(15)]
            written(pool, model, set(ids[:10]), chance.random())
            deleted(pool, model, set(ids[10:]))
            if chance.random() < 0.7:
                model.check(reader.snapshot(), np.eye(1, 16, dtype=np.float32))

    for _ in range(2):
        pool.rebuild(busy(recode_first, work, work))
        model.check(reader.snapshot(), np.eye(1, 16, dtype=np.float32))
        model.check_all(Pools(tmp_path).open("pool"))
    assert reader.snapshot().fingerprint == FINGERPRINT


def deaths_known(reader, model):
    snapshot = reader.snapshot()
    assert set(snapshot.ids[snapshot.alive].tolist()) == set(model.entries)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_reader_that_slept_through_it_learns_of_every_death(pool, tmp_path, damaged):
    number = add_version(pool, SECOND)
    model, reader = Model(), Pools(tmp_path).open("pool")
    written(pool, model, map(str, range(32)))

    def meanwhile():
        deleted(pool, model, ["3"])
        deaths_known(reader, model)
        if not damaged:
            pool.switch(number, recode_second)
            return
        for id in ("4", "5", "6"):
            deleted(pool, model, [id])
            pool.seal()
            deaths_known(reader, model)
        (pool._folder / "manifest.json").write_bytes(b"{")

    pool.rebuild(busy(recode_first, lambda: None, meanwhile) if damaged else busy(recode_first, meanwhile))
    manifest = pool.manifest(pool.versions()[0])
    assert manifest.version >= manifest.purged_version
    for id in ("7", "8", "9"):
        deleted(pool, model, [id])
        pool.seal()
    again = pool.manifest(pool.versions()[0])
    assert again.purged_version >= manifest.purged_version
    deaths_known(reader, model)
    model.check_all(pool)


def test_a_version_that_was_retired_during_the_wait_has_lost_nothing(pool):
    number = add_version(pool, SECOND)
    model, failed, began = Model(), [], threading.Event()
    written(pool, model, map(str, range(20)))
    pool.switch(number, recode_second)

    def wait():
        began.set()
        with pytest.raises(PoolNotAdaptedError):
            pool.rebuild(None, number)
        failed.append(True)

    waiting = threading.Thread(target=wait)

    def away():
        waiting.start()
        assert began.wait(60)
        pool.switch(1, recode_first)
        written(pool, model, ["more"])

    with pytest.raises(PoolNotAdaptedError):
        pool.rebuild(busy(recode_second, away), number)
    waiting.join(60)
    assert failed
    model.check_all(pool)


def test_a_rebuild_folder_that_is_gone_has_nothing_in_it(tmp_path):
    assert remnants(tmp_path / "gone") == []
