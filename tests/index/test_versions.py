"""The encoder versions of a pool: numbers, states, and what can be searched when."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from index import refresh
from index.pool import Pool
from invariantselect.errors import (
    EncoderVersionChangedError,
    EncoderVersionInUseError,
    EncoderVersionNotFoundError,
    FingerprintMismatchError,
    InvalidRequestError,
    InvalidVectorError,
    PoolNotAdaptedError,
    PoolNotFoundError,
)
from tests.catalogs import Pools
from tests.index.entries import (
    DIMS,
    FINGERPRINT,
    SECOND,
    THIRD,
    add_version,
    entry,
    make_pool,
    recode_first,
    recode_for,
    recode_second,
    recode_third,
    vector_of_image,
)
from tests.index.model import Model

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def pool(tmp_path) -> Pool:
    pool = make_pool(tmp_path)
    pool.write([entry("a", domain="x"), entry("b")])
    return pool


MODEL = Model({"a": entry("a", domain="x"), "b": entry("b")})


def states(pool: Pool) -> dict[int, str]:
    return {version.number: version.state for version in pool.versions()}


def test_a_new_pool_has_the_encoder_that_it_was_made_with(pool):
    (only,) = pool.versions()
    assert (only.number, only.encoder, only.fingerprint, only.dim) == (1, "fake", FINGERPRINT, 16)
    assert (only.state, only.looks_at_domains, dict(only.lineage)) == ("frozen", False, {})
    assert only.created_at == pool.created_at
    assert pool.live() == [only]
    assert pool.serving() is None
    assert pool.snapshot(1) is pool.snapshot()
    assert pool.snapshots().frozen is pool.snapshot()
    assert pool.snapshots().adapted is pool.snapshots().serving is None


def test_a_version_is_kept_word_for_word_and_answers_nothing_until_it_is_switched_to(pool, tmp_path):
    before = pool.snapshot()
    lineage = {"parent": 1, "metrics": {"macro": [0.5, None]}, "ü": "x"}
    made = pool.add_version(encoder="k/2", fingerprint=SECOND, dim=8, looks_at_domains=True, lineage=lineage)
    assert made == pool.versions()[1] == Pools(tmp_path).open("pool").versions()[1]
    assert (made.number, made.encoder, made.fingerprint, made.dim) == (2, "k/2", SECOND, 8)
    assert (made.state, made.looks_at_domains, dict(made.lineage)) == ("candidate", True, lineage)
    assert timedelta() <= datetime.now(UTC) - made.created_at < timedelta(minutes=5)
    assert pool.snapshot() is before
    assert (pool.serving(), len(pool.live())) == (None, 1)
    with pytest.raises(PoolNotAdaptedError, match="candidate"):
        pool.snapshot(2)
    with pytest.raises(EncoderVersionNotFoundError):
        pool.snapshot(3)
    pool.fill(2, recode_second)
    with pytest.raises(PoolNotAdaptedError):
        pool.snapshot(2)
    assert pool.snapshot() is before


def test_one_version_serves_and_the_one_before_is_retired(pool):
    second, third = add_version(pool, SECOND), add_version(pool, THIRD)
    version = pool.snapshot().version
    pool.switch(second, recode_second)
    assert states(pool) == {1: "frozen", second: "serving", third: "candidate"}
    assert [each.number for each in pool.live()] == [1, second]
    MODEL.check_all(pool)
    assert pool.snapshot().version == version + 1
    pool.switch(third, recode_third)
    assert states(pool) == {1: "frozen", second: "retired", third: "serving"}
    MODEL.check_all(pool)
    assert pool.snapshot(third) is pool.snapshots().adapted
    with pytest.raises(PoolNotAdaptedError, match="retired"):
        pool.snapshot(second)
    pool.switch(1, recode_third)
    assert states(pool) == {1: "frozen", second: "retired", third: "retired"}
    assert pool.serving() is None
    assert pool.snapshot().version == version + 3
    MODEL.check_all(pool)


def test_switching_to_what_serves_changes_nothing(pool):
    def never(_):
        raise AssertionError

    version = pool.snapshot().version
    pool.switch(1, never)
    number = add_version(pool, SECOND)
    pool.switch(number, recode_second)
    pool.switch(number, never)
    pool.fill(number, never)
    assert pool.snapshot().version == version + 1


def test_a_candidate_that_lost_is_retired_and_can_be_switched_to_all_the_same(pool):
    number = add_version(pool, SECOND)
    pool.fill(number, recode_second)
    pool.retire(number)
    pool.retire(number)
    assert states(pool)[number] == "retired"
    pool.switch(number, recode_second)
    MODEL.check_all(pool)
    for live in (1, number):
        for call in (pool.retire, pool.discard):
            with pytest.raises(EncoderVersionInUseError, match="in use"):
                call(live)


def test_a_version_that_is_not_there_is_told(pool, tmp_path):
    for call in (pool.retire, lambda n: pool.fill(n, recode_second), lambda n: pool.switch(n, recode_second)):
        with pytest.raises(EncoderVersionNotFoundError):
            call(2)
    add_version(pool, SECOND)
    Pools(tmp_path).drop("pool")
    for call in (
        pool.versions,
        pool.live,
        pool.serving,
        pool.snapshots,
        pool.reserve_number,
        lambda: pool.retire(2),
        lambda: pool.fill(2, recode_second),
        lambda: pool.switch(2, recode_second),
        lambda: pool.rebuild(recode_second, 2),
        lambda: add_version(pool, THIRD),
    ):
        with pytest.raises(PoolNotFoundError):
            call()
    assert list((tmp_path / "pools").iterdir()) == []


def test_numbers_are_given_once(pool, tmp_path):
    assert [pool.reserve_number(), pool.reserve_number()] == [2, 3]
    words = {"encoder": "e", "fingerprint": SECOND, "dim": 8, "looks_at_domains": False, "lineage": {}}
    assert pool.add_version(number=3, **words).number == 3
    assert pool.add_version(**words).number == 4
    for number in (1, 3, 5):
        with pytest.raises(InvalidRequestError, match="no free number"):
            pool.add_version(number=number, **words)
    # A catalog that was restored from a backup may know less than the folder.
    (pool._folder / "versions" / "9").mkdir(parents=True)
    assert pool.reserve_number() == 10


def test_an_entry_needs_a_vector_of_each_live_version(pool):
    def with_vectors(*fingerprints):
        whole = entry("new")
        return entry("new", vectors={each: whole.vectors[each] for each in fingerprints})

    pool.switch(add_version(pool, THIRD), recode_third)
    version = pool.snapshot().version
    with pytest.raises(EncoderVersionChangedError):
        pool.write([with_vectors(FINGERPRINT, SECOND)])
    with pytest.raises(FingerprintMismatchError):
        pool.write([with_vectors(THIRD)])
    short = entry("new", vectors={**entry("new").vectors, THIRD: vector_of_image(b"new", DIMS[THIRD] + 1)})
    (outcome,) = pool.write([short])
    assert isinstance(outcome.error, InvalidVectorError)
    assert pool.snapshot().version == version
    pool.write([with_vectors(FINGERPRINT, THIRD)])
    pool.switch(1, recode_third)
    pool.write([with_vectors(FINGERPRINT)])


def test_a_switch_between_encoding_and_writing_refuses_the_write(pool, monkeypatch):
    number = add_version(pool, THIRD)
    only_first = entry("new", vectors={FINGERPRINT: vector_of_image(b"image of new")})
    real = pool._blobs.put_all

    def overtaken(contents):
        pool.switch(number, recode_third)
        return real(contents)

    monkeypatch.setattr(pool._blobs, "put_all", overtaken)
    with pytest.raises(EncoderVersionChangedError):
        pool.write([only_first])
    MODEL.check_all(pool)
    assert pool.get(["new"]) == [None]


def test_a_live_version_can_be_rebuilt_and_another_not(pool):
    number = add_version(pool, SECOND)
    with pytest.raises(PoolNotAdaptedError):
        pool.rebuild(recode_second, number)
    pool.switch(number, recode_second)
    pool.seal()
    version = pool.snapshot().version
    for each in pool.live():
        pool.rebuild(recode_for(each), each.number)
        MODEL.check_all(pool)
    assert pool.snapshot().version == version + 2


def test_dropping_a_pool_removes_its_versions(pool, tmp_path):
    pool.switch(add_version(pool, SECOND), recode_second)
    pool.seal()
    snapshots = pool.snapshots()
    Pools(tmp_path).drop("pool")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "catalog" not in path.name] == []
    MODEL.check(snapshots.adapted, vector_of_image(b"q", 8)[None])
    with pool._catalog.reading() as connection:
        for table in ("encoder_versions", "tail_vectors"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


def test_a_slow_load_of_one_version_hides_nothing_from_the_other(pool, tmp_path, monkeypatch):
    number = add_version(pool, THIRD)
    pool.fill(number, recode_third)
    pool.switch(number, recode_third)
    pool.snapshots()
    pool.write([entry("5", b"image A")])
    pool.snapshot()
    paused, go_on = threading.Event(), threading.Event()
    real = refresh._seats

    def seats(connection, space, *given, **named):
        found = real(connection, space, *given, **named)
        if space.number == number and not paused.is_set():
            paused.set()
            assert go_on.wait(30)
        return found

    monkeypatch.setattr(refresh, "_seats", seats)
    slow = threading.Thread(target=pool.snapshot, args=(number,))
    slow.start()
    assert paused.wait(30)
    pool.write([entry("5", b"image B")])
    pool.snapshot()
    go_on.set()
    slow.join()
    assert pool.snapshot().position_of("5") is not None


def test_who_was_deleted_before_a_rebuild_is_found_in_an_older_snapshot_alone(pool):
    pool.write([entry("gone"), entry("stays")])
    before = pool.snapshot()
    pool.delete(["gone"])
    pool.rebuild(recode_first)
    assert pool.snapshot().position_of("gone") is None
    assert pool.snapshot().position_of("stays") is not None
    assert before.ids[before.position_of("gone")] == "gone"
    pool.write([entry("gone", b"again")])
    now = pool.snapshot()
    assert now.ids[now.position_of("gone")] == "gone"
    assert before.demonstration(before.position_of("gone")).sha256 != now.demonstration(now.position_of("gone")).sha256
