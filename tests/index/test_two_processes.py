"""Several processes use one data directory: what one writes, the others see."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from index import refresh
from invariantselect.errors import StoreCorruptError
from tests.catalogs import Pools
from tests.index import other_process
from tests.index.entries import entry, make_pool, vector_of_image
from tests.index.model import Model, answers

pytestmark = pytest.mark.usefixtures("database")

QUERY = vector_of_image(b"query")


@pytest.fixture(scope="module")
def others():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def model(*ids: str) -> Model:
    return Model({id: entry(id) for id in ids})


def test_what_another_process_writes_deletes_and_seals_is_seen_by_the_next_call(tmp_path, others):
    pool = make_pool(tmp_path)
    pool.write([entry("a"), entry("b")])
    before = pool.snapshot()
    others.submit(other_process.write, tmp_path, ["c", "d"]).result()
    model("a", "b", "c", "d").check(pool.snapshot(), QUERY[np.newaxis])
    others.submit(other_process.delete, tmp_path, ["a"]).result()
    model("b", "c", "d").check(pool.snapshot(), QUERY[np.newaxis])
    others.submit(other_process.seal, tmp_path).result()
    sealed = pool.snapshot()
    model("b", "c", "d").check(sealed, QUERY[np.newaxis])
    assert others.submit(other_process.search, tmp_path, QUERY).result() == answers(sealed, QUERY, 5)
    others.submit(other_process.write, tmp_path, ["e"]).result()
    model("b", "c", "d", "e").check(pool.snapshot(), QUERY[np.newaxis])
    model("a", "b").check(before, QUERY[np.newaxis])


def test_a_reader_that_missed_several_seals_reads_everything_again(tmp_path, others):
    pool = make_pool(tmp_path)
    pool.write([entry("a"), entry("b")])
    pool.snapshot()
    others.submit(other_process.seal, tmp_path).result()
    others.submit(other_process.delete, tmp_path, ["a"]).result()
    for id in ("c", "d", "e"):
        others.submit(other_process.write, tmp_path, [id]).result()
        others.submit(other_process.seal, tmp_path).result()
    model("b", "c", "d", "e").check(pool.snapshot(), QUERY[np.newaxis])


def test_two_processes_that_write_and_seal_at_once_lose_nothing(tmp_path, others):
    pool = make_pool(tmp_path)
    mine = [f"mine/{number}" for number in range(40)]
    yours = [f"yours/{number}" for number in range(40)]
    writing = [others.submit(other_process.write_one_by_one, tmp_path, ids) for ids in (mine, yours)]
    while not all(each.done() for each in writing):
        pool.snapshot().search(QUERY[np.newaxis], 3)
    for each in writing:
        each.result()
    model(*mine, *yours).check(pool.snapshot(), QUERY[np.newaxis])
    model(*mine, *yours).check(Pools(tmp_path).open("pool").snapshot(), QUERY[np.newaxis])


def test_files_that_vanish_between_manifest_and_opening_are_looked_for_again(tmp_path, monkeypatch):
    pool = make_pool(tmp_path)
    pool.write([entry("a")])
    pool.seal()
    elsewhere = Pools(tmp_path).open("pool")
    real, calls = refresh.read_manifest, []

    def overtaken(*args, **kwargs):
        manifest = real(*args, **kwargs)
        calls.append(manifest.generation)
        if len(calls) == 1:
            elsewhere.write([entry("b")])
            elsewhere.seal()  # merges, so the file of the manifest just read is removed
        return manifest

    monkeypatch.setattr(refresh, "read_manifest", overtaken)
    model("a", "b").check(pool.snapshot(), QUERY[np.newaxis])
    assert calls == [1, 2]


def test_a_seal_between_transaction_and_manifest_shows_no_later_write(tmp_path, monkeypatch):
    pool = make_pool(tmp_path)
    ids = [f"{number}" for number in range(8)]
    pool.write([entry(id) for id in ids])
    pool.seal()
    elsewhere = Pools(tmp_path).open("pool")
    real, calls = refresh.read_manifest, []

    def overtaken(*args, **kwargs):
        if not calls:
            elsewhere.write([entry("3", b"replaced")])
            elsewhere.seal()
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(refresh, "read_manifest", overtaken)
    before = pool.snapshot()
    assert (len(calls), before.size, before.alive.sum()) == (1, 9, 8)  # a vector is there that is nobody's yet
    model(*ids).check(before, QUERY[np.newaxis])
    later = model(*ids)
    later.entries["3"] = entry("3", b"replaced")
    later.check(pool.snapshot(), QUERY[np.newaxis])
    model(*ids).check(before, QUERY[np.newaxis])


def test_a_seal_that_drops_what_the_transaction_still_sees_is_looked_for_again(tmp_path, monkeypatch):
    pool = make_pool(tmp_path)
    pool.write([entry("a"), entry("x")])
    elsewhere = Pools(tmp_path).open("pool")
    real, calls = refresh.read_manifest, []

    def overtaken(*args, **kwargs):
        if not calls:
            elsewhere.delete(["x"])
            elsewhere.seal()
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(refresh, "read_manifest", overtaken)
    model("a").check(pool.snapshot(), QUERY[np.newaxis])
    assert len(calls) == 2


def test_a_death_before_a_seal_is_learnt_by_a_reader_that_was_up_to_date_at_the_seal_before(tmp_path):
    pool = make_pool(tmp_path)
    ids = [f"{number}" for number in range(8)]
    pool.write([entry(id) for id in ids])
    elsewhere = Pools(tmp_path).open("pool")
    elsewhere.seal()
    pool.snapshot()
    elsewhere.delete(["3"])
    elsewhere.write([entry("z")])
    elsewhere.seal()
    model("z", *(id for id in ids if id != "3")).check(pool.snapshot(), QUERY[np.newaxis])


def test_a_vector_that_is_nowhere_is_told_after_a_second_look(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a"), entry("b")])
    with pool._catalog.writing() as connection:
        connection.exec_driver_sql("DELETE FROM tail_vectors WHERE row = 1")
    with pytest.raises(StoreCorruptError, match="1 demonstrations have no vector, the first in row 1") as caught:
        pool.snapshot()
    assert "doctor" in caught.value.hint
    with pytest.raises(StoreCorruptError, match="lost vectors"):
        pool.seal()
