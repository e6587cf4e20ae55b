"""Many threads search while others write, fill and switch: no search fails, waits for a switch, or mixes two spaces."""

from __future__ import annotations

import hashlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index import filling
from index.pool import Pool
from tests.catalogs import Pools
from tests.index.entries import SECOND, THIRD, add_version, entry, make_pool, recode_for, vectors_of
from tests.index.model import answers, nearest

IMAGES = [f"image {number}".encode() for number in range(40)]
BY_HASH = {hashlib.sha256(image).hexdigest(): image for image in IMAGES}
WRITERS, READERS, BATCHES, SWITCHES = 2, 5, 25, 10


@pytest.fixture
def pool(tmp_path, monkeypatch) -> Pool:
    monkeypatch.setattr(filling, "_PART_ROWS", 64)
    pool = make_pool(tmp_path, seal_at=60)
    pool.write([entry(f"{number}", IMAGES[number % 40], domain="xyz"[number % 3]) for number in range(200)])
    add_version(pool, SECOND)
    add_version(pool, THIRD)
    return pool


def write(pool: Pool, writer: int) -> None:
    chance = random.Random(writer)
    for _ in range(BATCHES):
        ids = [f"{writer}/{chance.randrange(60)}" for _ in range(chance.randint(1, 8))]
        kind = chance.random()
        if kind < 0.2:
            pool.delete(ids)
        elif kind < 0.4:
            pool.patch({id: {"domain": chance.choice("xyz")} for id in set(ids)}, vectors_for=recode_for)
        else:
            pool.write([entry(id, chance.choice(IMAGES), domain=chance.choice("xyz")) for id in ids])


def switch(pool: Pool, seen: dict[int, threading.Event]) -> None:
    chance = random.Random(0)
    versions = pool.versions()
    for _ in range(SWITCHES):
        version = chance.choice(versions)
        seen[version.number].clear()
        pool.switch(version.number, recode_for(version))
        assert seen[version.number].wait(60)  # some reader was answered by it


def read(pool: Pool, seen: dict[int, threading.Event], finished: threading.Event, reader: int) -> None:
    """Check whatever is served, as long as there is something going on, and say what was seen to serve."""
    chance = np.random.default_rng(reader)
    last = 0
    while not finished.is_set():
        together = pool.snapshots()
        assert together.frozen.version >= last
        last = together.frozen.version
        live = [each for each in (together.frozen, together.adapted) if each is not None]
        demonstrations = [[s.demonstration(p) for p in np.flatnonzero(s.alive).tolist()] for s in live]
        assert sorted(demonstrations[0], key=lambda d: d.id) == sorted(demonstrations[-1], key=lambda d: d.id)
        for snapshot, living in zip(live, demonstrations, strict=True):
            vectors = {d.id: vectors_of(BY_HASH[d.sha256], d.domain)[snapshot.fingerprint] for d in living}
            query = chance.standard_normal(snapshot.dim).astype(np.float32)
            assert answers(snapshot, query, 5) == nearest(vectors, query, 5)
        seen[live[-1].number].set()


def test_searching_while_others_write_fill_and_switch_is_always_right(pool):
    finished, seen = threading.Event(), {number: threading.Event() for number in (1, 2, 3)}
    with ThreadPoolExecutor(WRITERS + READERS + 1) as threads:
        # Half of the readers look through a pool of their own, as another process would.
        pools = [pool if number % 2 else Pools(pool._folder.parents[1]).open("pool") for number in range(READERS)]
        readers = [threads.submit(read, each, seen, finished, number) for number, each in enumerate(pools)]
        switcher = threads.submit(switch, pool, seen)
        try:
            for writing in [threads.submit(write, pool, number) for number in range(WRITERS)]:
                writing.result()
            switcher.result()
        finally:
            finished.set()
        for reader in readers:
            reader.result()


@pytest.mark.usefixtures("database")
def test_a_search_waits_for_no_filling_and_no_switch(pool):
    """The encoder takes as long as it likes: whoever searches meanwhile is answered, by the version that serves."""
    pool.switch(3, recode_for(pool.versions()[2]))
    before = pool.snapshots()
    entered, leave = threading.Event(), threading.Event()

    def encodes_for_ever(given):
        entered.set()
        assert leave.wait(60)
        return recode_for(pool.versions()[1])(given)

    def search() -> None:
        together = pool.snapshots()
        assert together.serving.number == 3
        for snapshot in (together.frozen, together.adapted, pool.snapshot(), pool.snapshot(3)):
            snapshot.search(np.ones((1, snapshot.dim), np.float32), 5)

    with ThreadPoolExecutor(1) as threads:
        switching = threads.submit(pool.switch, 2, encodes_for_ever)
        assert entered.wait(60)  # a part of the filling is being encoded
        search()
        assert pool.write([entry("new", IMAGES[0])])[0].status == "created"
        leave.set()
        switching.result()
    assert pool.snapshots().serving.number == 2
    assert before.serving.number == before.adapted.number == 3
    before.adapted.search(np.ones((1, before.adapted.dim), np.float32), 5)


@pytest.mark.usefixtures("database")
def test_a_search_waits_for_no_switch_that_holds_the_write_lock(pool, monkeypatch):
    number, entered, leave = 2, threading.Event(), threading.Event()
    second = recode_for(pool.versions()[1])
    pool.fill(number, second)
    pool.write([entry("new", IMAGES[0])])

    def encodes_for_ever(given):
        if pool._catalog._writers.locked():
            entered.set()
            assert leave.wait(60)
        return second(given)

    monkeypatch.setattr("index.filling.Filling.run", lambda *_: None)  # so that something is left for the switch
    elsewhere = Pools(pool._folder.parents[1]).open("pool")
    with ThreadPoolExecutor(1) as threads:
        switching = threads.submit(pool.switch, number, encodes_for_ever)
        assert entered.wait(60)
        for each in (pool, elsewhere):
            assert each.snapshots().serving is None
            assert each.snapshot().position_of("new") is not None
        leave.set()
        switching.result()
    for each in (pool, elsewhere):
        assert each.snapshots().serving.number == number
