"""Switches are one commit: what comes before, in between and after them is right, and a way back costs what is new."""

from __future__ import annotations

import pytest

from index import switching
from index.pool import Pool
from invariantselect.errors import PoolNotAdaptedError
from tests.catalogs import Pools, inspect
from tests.index.entries import (
    SECOND,
    THIRD,
    add_version,
    entry,
    make_pool,
    recode_second,
    recode_third,
    with_domain,
)
from tests.index.model import Model, queries_in

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def model() -> Model:
    return Model({f"{n:02d}": entry(f"{n:02d}", domain="xy"[n % 2]) for n in range(30)})


@pytest.fixture
def pool(tmp_path, model) -> Pool:
    pool = make_pool(tmp_path, seal_at=1000)
    pool.write(list(model.entries.values()))
    add_version(pool, SECOND)
    add_version(pool, THIRD)
    return pool


class Counting:
    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, given):
        self.rows += given.rows.tolist()
        return recode_second(given)


def test_what_is_written_after_a_filling_is_encoded_by_the_switch(pool, model, tmp_path):
    pool.fill(2, recode_second)
    pool.write([entry("new"), entry("03", b"another")])
    model.entries.update({"new": entry("new"), "03": entry("03", b"another")})
    recode = Counting()
    pool.switch(2, recode)
    assert recode.rows == [30, 31]
    model.check_all(pool)
    model.check_all(Pools(tmp_path).open("pool"))


def test_the_last_few_are_encoded_while_writes_wait_and_searches_do_not(pool, model, monkeypatch):
    elsewhere = Pools(pool._folder.parents[1]).open("pool")
    moments = []

    def recode(given):
        if pool._catalog._writers.locked():  # this is the switch itself
            moments.append(given.rows.tolist())
            model.check_all(elsewhere)
            with pytest.raises(PoolNotAdaptedError):
                elsewhere.snapshot(2)
        return recode_second(given)

    real = switching.take_over

    def overtaken(*args, **kwargs):
        elsewhere.write([entry("late")])
        model.entries["late"] = entry("late")
        return real(*args, **kwargs)

    monkeypatch.setattr("index.versioned_pool.take_over", overtaken)
    pool.switch(2, recode)
    assert moments == [[30]]
    model.check_all(elsewhere)


def test_more_than_a_few_are_encoded_before_writes_have_to_wait(pool, model, monkeypatch):
    monkeypatch.setattr("index.versioned_pool._LAST_FEW", 2)
    real, most_lacking, held = switching.take_over, [], []

    def overtaken(*args, most, **kwargs):
        most_lacking.append(most)
        if len(most_lacking) < 3:
            new = [entry(f"{len(most_lacking)}/{number}") for number in range(5)]
            pool.write(new)
            model.entries.update({each.id: each for each in new})
        return real(*args, most=most, **kwargs)

    def recode(given):
        if pool._catalog._writers.locked():
            held.append(len(given.rows))
        return recode_second(given)

    monkeypatch.setattr("index.versioned_pool.take_over", overtaken)
    pool.switch(2, recode)
    assert most_lacking == [2, 4, 8]
    assert sum(held) <= 8
    model.check_all(pool)


def test_a_switch_that_fails_changes_nothing(pool, model):
    pool.switch(3, recode_third)
    version = pool.snapshot().version

    def fails(given):
        if pool._catalog._writers.locked():
            raise RuntimeError("out of memory")
        if "late" not in model.entries:
            pool.write([entry("late"), entry("later")])
            model.entries.update({"late": entry("late"), "later": entry("later")})
        return recode_second(given)

    with pytest.MonkeyPatch.context() as patched:
        real = switching.take_over

        def overtaken(*args, **kwargs):
            pool.delete(["late"])
            pool.write([entry("late", b"other")])
            return real(*args, **kwargs)

        patched.setattr("index.versioned_pool.take_over", overtaken)
        with pytest.raises(RuntimeError):
            pool.switch(2, fails)
    model.entries["late"] = entry("late", b"other")
    assert [each.state for each in pool.versions()] == ["frozen", "candidate", "serving"]
    assert pool.snapshot().version == version + 3
    model.check_all(pool)
    pool.switch(2, recode_second)
    model.check_all(pool)


def test_a_way_back_encodes_only_what_came_since(pool, model, tmp_path):
    pool.switch(2, recode_second)
    pool.write([entry("while 2 served")])
    pool.switch(3, recode_third)
    pool.write([entry("since"), entry("05", b"another")])
    pool.delete(["06"])
    pool.patch({"07": {"domain": "z"}})
    model.entries.update({each.id: each for each in (entry("while 2 served"), entry("since"), entry("05", b"another"))})
    model.entries["07"] = with_domain(model.entries["07"], "z")
    del model.entries["06"]
    recode = Counting()
    pool.switch(2, recode)
    assert len(recode.rows) == 3
    model.check_all(pool)
    model.check_all(Pools(tmp_path).open("pool"))
    assert inspect(tmp_path) == []


def test_a_reader_that_slept_through_several_switches_sees_what_is_there(pool, model, tmp_path):
    pool.switch(2, recode_second)
    elsewhere = Pools(tmp_path).open("pool")
    before = elsewhere.snapshots()
    pool.delete(["00"])
    pool.switch(3, recode_third)
    pool.delete(["01"])
    for number in range(3):  # seals that no reader of version 2 takes part in, so its tombstones go
        pool.write([entry(f"new {number}")])
        pool.seal()
    pool.switch(2, recode_second)
    pool.delete(["02"])
    old = Model(dict(model.entries))
    for id in ("00", "01", "02"):
        del model.entries[id]
    model.entries.update({f"new {number}": entry(f"new {number}") for number in range(3)})
    model.check_all(elsewhere)
    for snapshot in (before.frozen, before.adapted):
        old.check(snapshot, queries_in(snapshot.dim))


def test_tombstones_are_kept_for_each_live_version(pool, model, tmp_path):
    pool.switch(2, recode_second)
    elsewhere = Pools(tmp_path).open("pool")
    elsewhere.snapshots()
    for number in range(4):
        pool.delete([f"{number:02d}"])
        del model.entries[f"{number:02d}"]
        pool.write([entry(f"new {number}")])
        model.entries[f"new {number}"] = entry(f"new {number}")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(pool, "live", lambda: pool.versions()[:1])  # version 2 is being sealed by somebody else
            pool.seal()
    model.check_all(elsewhere)
    pool.seal()
    model.check_all(elsewhere)


def test_a_seal_of_a_version_retired_meanwhile_does_nothing(pool, model, monkeypatch):
    pool.switch(2, recode_second)
    pool.write([entry("new")])
    model.entries["new"] = entry("new")
    real = pool.live

    def overtaken():
        live = real()
        monkeypatch.undo()
        pool.switch(3, recode_third)
        return live

    monkeypatch.setattr(pool, "live", overtaken)
    pool.seal()
    model.check_all(pool)
    pool.switch(2, recode_second)
    model.check_all(pool)
