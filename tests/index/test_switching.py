"""Switches are one commit: what comes before, in between and after them is right, and a way back costs what is new."""

from __future__ import annotations

import pytest

from index import switching
from index.inspection import inspect
from index.pool import Pool
from index.pools import Pools
from invariantselect.errors import EncoderVersionChangedError, PoolNotAdaptedError
from tests.index.entries import (
    SECOND,
    THIRD,
    add_version,
    entry,
    make_pool,
    recode_for,
    recode_second,
    recode_third,
    with_domain,
)
from tests.index.model import Model, queries_in


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


def test_a_domain_gives_a_new_row_where_a_version_looks_at_domains(pool, model):
    pool.switch(2, recode_second)
    row = pool.snapshot().rows[pool.snapshot().position_of("04")]
    with pytest.raises(EncoderVersionChangedError, match="depend on domains"):
        pool.patch({"04": {"domain": "z"}, "05": {"label": "dog"}})
    model.check_all(pool)
    wanted = {"04": {"domain": "z", "label": "dog"}, "05": {"domain": None}, "06": {"label": "dog"}, "no": {}}
    done = pool.patch(wanted, vectors_for=recode_for)
    assert [each.status for each in done] == ["updated"] * 3 + ["failed"]
    for id, changes in wanted.items():
        if id != "no":
            changed = with_domain(model.entries[id], changes.get("domain", model.entries[id].domain))
            model.entries[id] = entry(
                id, changed.image, domain=changed.domain, label=changes.get("label", changed.label)
            )
    model.check_all(pool)
    assert pool.snapshot().rows[pool.snapshot().position_of("04")] > row
    assert [each.status for each in pool.patch({"04": {"domain": "z"}}, vectors_for=recode_for)] == ["unchanged"]
    (outcome,) = pool.write([entry("08", domain="other")])
    model.entries["08"] = entry("08", domain="other")
    assert outcome.status == "updated"
    model.check_all(pool)
    pool.seal()
    model.check_all(pool)
    sha256 = pool.image("04").sha256  # a new row is no reason to let go of the image
    pool.delete(["04"])
    assert not pool._blobs.holds(sha256)


def test_a_domain_patched_while_others_write_gets_the_right_vectors(pool, model):
    pool.switch(2, recode_second)
    meddled = []

    def vectors_for(version):
        def recode(given):
            if not meddled:
                pool.write([entry("04", b"another", domain="x")])  # what is being encoded is out of date
                meddled.append(1)
            elif len(meddled) == 1:
                meddled.append(1)
                pool.switch(3, recode_third)
                pool.switch(2, recode_second)
            return recode_for(version)(given)

        return recode

    pool.patch({"04": {"domain": "z"}}, vectors_for=vectors_for)
    model.entries["04"] = entry("04", b"another", domain="z")
    assert len(meddled) == 2
    model.check_all(pool)


def test_a_domain_keeps_its_row_where_no_version_looks_at_domains(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a", domain="x")])
    add_version(pool, THIRD)
    pool.switch(2, recode_third)
    row = pool.snapshot().rows[0]
    pool.patch({"a": {"domain": "y"}})
    pool.write([entry("a", domain="z")])
    assert pool.snapshot().rows.tolist() == [row]
    Model({"a": entry("a", domain="z")}).check_all(pool)


def test_a_pool_made_with_an_encoder_that_looks_at_domains_is_right(tmp_path):
    pool = Pools(tmp_path).create("pool", "adapted", SECOND, 8, looks_at_domains=True)
    pool.write([entry("a", domain="x"), entry("b")])
    pool.patch({"a": {"domain": "y"}}, vectors_for=recode_for)
    model = Model({"a": entry("a", domain="y"), "b": entry("b")})
    model.check_all(pool)
    pool.rebuild(recode_second)
    model.check_all(pool)
