"""Backups made while others write, delete, seal, rebuild and switch: each shows one moment, whole."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index import filling
from index.backup.making import back_up
from index.backup.restoring import restore
from index.inspection import inspect
from index.pool import Entry, Pool
from index.pools import Pools
from tests.index.entries import SECOND, THIRD, add_version, entry, make_pool, recode_first, recode_for
from tests.index.model import Model

WRITERS, BACKUPS, STILL = 2, 3, 60


class Writer:
    """Writes and deletes under ids of its own, and keeps the state behind each write that was acknowledged."""

    def __init__(self, pool: Pool, number: int) -> None:
        self._pool = pool
        self._number = number
        self.states: list[dict[str, Entry]] = [{}]

    def run(self, finished: threading.Event) -> None:
        chance = random.Random(self._number)
        turn = 0
        while not finished.is_set():
            turn += 1
            state = dict(self.states[-1])
            ids = sorted({f"{self._number}/{chance.randrange(40)}" for _ in range(chance.randint(1, 6))})
            if chance.random() < 0.4:
                self._pool.delete(ids)
                for id in ids:
                    state.pop(id, None)
            else:  # ever new images, so that files come and go
                new = [entry(id, f"{id} {turn}".encode(), domain=chance.choice("xyz")) for id in ids]
                self._pool.write(new)
                state.update({each.id: each for each in new})
            self.states.append(state)


def rearrange(pool: Pool, finished: threading.Event) -> int:
    chance, turns = random.Random(7), 0
    while not finished.is_set():
        turns += 1
        kind = chance.random()
        if kind < 0.4:
            pool.seal()
        elif kind < 0.6:
            pool.rebuild(recode_first)
        else:
            version = chance.choice(pool.versions())
            pool.switch(version.number, recode_for(version))
    return turns


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pool:
    monkeypatch.setattr(filling, "_PART_ROWS", 64)
    pool = make_pool(tmp_path / "data", seal_at=30)
    pool.write(still())
    pool.seal()
    add_version(pool, SECOND)
    add_version(pool, THIRD)
    return pool


def still() -> list[Entry]:
    return [entry(f"still/{number}", domain="xyz"[number % 3]) for number in range(STILL)]


def test_a_backup_of_a_pool_that_is_hammered_is_whole(pool: Pool, tmp_path: Path) -> None:
    data, finished = tmp_path / "data", threading.Event()
    writers = [Writer(pool, number) for number in range(WRITERS)]
    known: list[list[int]] = []
    with ThreadPoolExecutor(WRITERS + 1) as threads:
        running = [threads.submit(writer.run, finished) for writer in writers]
        rearranging = threads.submit(rearrange, Pools(data, seal_at=30).open("pool"), finished)  # as another process
        try:
            for number in range(BACKUPS):
                until = [len(writer.states) + 4 for writer in writers]
                while any(len(w.states) < least for w, least in zip(writers, until, strict=True)):
                    assert not any(each.done() for each in running)
                    time.sleep(0.005)
                known.append([len(writer.states) - 1 for writer in writers])
                back_up(data, tmp_path / f"backup-{number}{'.tar' if number % 2 else ''}", code_version="1")
        finally:
            finished.set()
        assert rearranging.result() > BACKUPS
        for each in running:
            each.result()
    for number, acknowledged in enumerate(known):
        restored = tmp_path / f"restored-{number}"
        restore(tmp_path / f"backup-{number}{'.tar' if number % 2 else ''}", restored)
        check(restored, writers, acknowledged)


def check(restored: Path, writers: list[Writer], acknowledged: list[int]) -> None:
    assert inspect(restored) == []
    pool = Pools(restored).open("pool")
    model = Model({each.id: each for each in still()})
    snapshot = pool.snapshot()
    living = [snapshot.demonstration(position) for position in np.flatnonzero(snapshot.alive).tolist()]
    ids = {each.id: each.sha256 for each in living}
    for number, (writer, least) in enumerate(zip(writers, acknowledged, strict=True)):
        own = {id for id in ids if id.startswith(f"{number}/")}
        fitting = [state for state in writer.states[least:] if set(state) == own and _same(state, ids)]
        assert fitting, "no moment since the backup began looked like this"
        model.entries.update(fitting[0])
    model.check_all(pool)
    for id in model.entries:
        assert pool.image(id).content == model.entries[id].image
    pool.write([entry("new")])  # and it goes on from here
    model.entries["new"] = entry("new")
    for version in pool.versions():
        pool.switch(version.number, recode_for(version))
        model.check_all(pool)


def _same(state: dict[str, Entry], hashes: dict[str, str]) -> bool:
    return all(hashlib.sha256(each.image).hexdigest() == hashes[id] for id, each in state.items())


def test_an_image_that_is_deleted_on_the_way_is_in_the_backup_of_the_moment_before(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written after the first passes and deleted as soon as writes go on: copied all the same."""
    from index.backup import making

    data, collect, settle = tmp_path / "data", making._Backup._collect, making._Backup._settle
    done = threading.Event()

    def late(self: making._Backup, connection: object) -> None:
        collect(self, connection)  # type: ignore[arg-type]
        assert self._opened  # the new image
        done.set()

    def copy(self: making._Backup) -> None:
        if done.is_set():
            done.clear()
            pool.delete(["late", "still/0"])
            pool.seal()
            pool.rebuild(recode_first)
        settle(self)

    passes = making._Backup._copy_what_is_there

    def then_write(self: making._Backup) -> None:
        passes(self)
        pool.write([entry("late")])

    monkeypatch.setattr(making._Backup, "_copy_what_is_there", then_write)
    monkeypatch.setattr(making, "_PASSES", 1)
    monkeypatch.setattr(making._Backup, "_collect", late)
    monkeypatch.setattr(making._Backup, "_settle", copy)
    back_up(data, tmp_path / "backup", code_version="1")
    restore(tmp_path / "backup", tmp_path / "restored")
    assert pool.get(["late", "still/0"]) == [None, None]
    assert inspect(tmp_path / "restored") == []
    Model({each.id: each for each in [*still(), entry("late")]}).check_all(Pools(tmp_path / "restored").open("pool"))
