"""What was deleted leaves the disk, too, whoever dies on the way; what is used stays."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from index import removing
from index.blobs.blobs import Blobs
from index.blobs.opening import open_blobs
from index.catalog.removal_rows import drop_folders, dropped, free, freed
from index.inspection import inspect
from index.pools import Pools
from invariantselect.errors import (
    CatalogUnavailableError,
    EncoderVersionInUseError,
    InvalidRequestError,
    PoolNotFoundError,
)
from tests.catalogs import Pools as PoolsOfDatabase
from tests.index.entries import DIM, FINGERPRINT, SECOND, add_version, entry, make_pool, recode_second
from tests.index.test_kill import Driver

SHARED, OWN = b"in both pools", [f"image {number}".encode() for number in range(5)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pools that share an image; one of them has been adapted to and evaluated, as far as files tell."""
    pool, other = make_pool(tmp_path), make_pool(tmp_path, "other")
    pool.write([entry(f"{number}", image) for number, image in enumerate([*OWN, SHARED])])
    other.write([entry("shared", SHARED)])
    pool.fill(add_version(pool, SECOND), recode_second)
    for root, name in (("encoders", "2/weights"), ("encoders", "3/weights"), ("reports", "job/page.html")):
        path = tmp_path / root / pool.key / name
        path.parent.mkdir(parents=True)
        path.write_bytes(OWN[0])
    return tmp_path


def stored(data: Path) -> set[bytes]:
    blobs = open_blobs(data)
    return {blobs.get(sha256) for sha256 in blobs.stored()}


def folders(data: Path) -> set[str]:
    """Keys of pools that have any, with the numbers of encoder versions."""
    of_pools = {path.name for root in ("pools", "encoders", "reports") for path in (data / root).iterdir()}
    versions = [*data.glob("pools/*/versions/*"), *data.glob("encoders/*/*")]
    return of_pools | {path.name for path in versions}


@pytest.mark.parametrize(
    ("what", "call"),
    [
        (["delete", ["0", "1", "2", "5"]], "commit"),
        (["delete", ["0", "1", "2", "5"]], "unlink"),
        (["write", [["0", "new", "cat", None]]], "commit"),
        (["write", [["0", "new", "cat", None]]], "unlink"),
        (["discard", 2], "commit"),
        (["drop"], "commit"),
        (["drop"], "unlink"),
    ],
)
def test_whoever_dies_over_a_removal_leaves_nothing_for_good(
    data: Path, tmp_path_factory: pytest.TempPathFactory, what: list[object], call: str
) -> None:
    driver, left, nth, alive = Driver(data), 0, 0, False
    try:
        while not alive:
            nth += 1
            for moment in ("before", "after"):
                copy = tmp_path_factory.mktemp("copy") / "data"
                shutil.copytree(data, copy)
                _, _, end = driver.order(at=f"{moment} {call}", nth=nth, plan=[what], data=str(copy))
                alive = not end["died"]
                left += check_after(copy, what)
    finally:
        driver.close()
    assert nth > 1
    assert left > 0  # of some deaths there was something to remove


def check_after(data: Path, what: list[object]) -> bool:
    """Finish what is left; whether anything was."""
    before = stored(data), folders(data)
    with Pools(data) as pools:
        pools.finish_removals()
        used, keys = {SHARED}, {pools.open("other").key}
        try:
            pool = pools.open("pool")
        except PoolNotFoundError:
            assert what == ["drop"]
        else:
            snapshot = pool.snapshot()
            used |= {pool.image(id).content for id in snapshot.ids[snapshot.alive].tolist()}
            keys |= {pool.key, "3"} | {str(version.number) for version in pool.versions() if version.number > 1}
    never_written = {b"new"} if what[0] == "write" else set()  # stored for a write that didn't come about
    assert used <= stored(data) <= used | never_written
    assert folders(data) == keys
    findings = [finding.detail for finding in inspect(data) if "no demonstration uses" not in finding.detail]
    assert findings == []
    return before != (stored(data), folders(data))


@pytest.mark.usefixtures("database")
def test_an_image_that_is_used_again_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = PoolsOfDatabase(tmp_path)
    pool = pools.create("pool", "fake", FINGERPRINT, DIM)
    pool.write([entry("a", OWN[0]), entry("b", OWN[1])])
    monkeypatch.setattr("index.pool.remove_unused", lambda *_: None)  # as if it had died
    pool.delete(["a", "b"])
    pool.write([entry("c", OWN[0])])
    assert stored(tmp_path) == {OWN[0], OWN[1]}
    pools.finish_removals()
    assert stored(tmp_path) == {OWN[0]}
    assert pool.image("c").content == OWN[0]


@pytest.mark.usefixtures("database")
def test_many_are_removed_part_by_part_and_who_is_stopped_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "_IMAGES_AT_ONCE", 2)
    pools = PoolsOfDatabase(tmp_path)
    pool = pools.create("pool", "fake", FINGERPRINT, DIM)
    pool.write([entry(str(number), image) for number, image in enumerate(OWN)])
    with monkeypatch.context() as patch:
        patch.setattr("index.pools.remove_freed", lambda *_: None)
        pools.drop("pool")
    turns = iter([False, True])
    pools.finish_removals(lambda: next(turns))
    assert len(stored(tmp_path)) == 3
    pools.finish_removals()
    assert stored(tmp_path) == set()


def test_a_disk_that_refuses_is_told_of_and_tried_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pools = Pools(data)
    pool = pools.open("pool")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        assert [each.status for each in pool.delete(["0"])] == ["deleted"]
        with pytest.raises(CatalogUnavailableError, match="Permission denied"):
            pools.finish_removals()
        pools.drop("pool")
    assert "files of the pool pool are still there" in caplog.text
    assert {*OWN, SHARED} == stored(data)
    pools.finish_removals()
    assert stored(data) == {SHARED}
    assert folders(data) == {pools.open("other").key}


def test_a_file_that_stays_holds_up_no_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "_IMAGES_AT_ONCE", 1)
    first = min(open_blobs(data).stored())
    real = Blobs.discard

    def refuse(blobs: Blobs, sha256: str) -> None:
        if sha256 == first:
            raise CatalogUnavailableError("it can't be written")
        real(blobs, sha256)

    pools = Pools(data)
    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "discard", refuse)
        pools.drop("pool")
        pools.drop("other")
        assert {*open_blobs(data).stored()} == {first}
        with pytest.raises(CatalogUnavailableError, match="can't be written"):
            pools.finish_removals()
    assert [finding.detail for finding in inspect(data)] == ["1 images that were deleted are still there"]
    pools.finish_removals()
    assert inspect(data) == []
    assert stored(data) == set()


def test_a_row_that_is_no_key_or_hash_removes_nothing(data: Path) -> None:
    pools = Pools(data)
    victim = data.parent / "victim"
    victim.mkdir()
    before = stored(data), folders(data)
    with pools._catalog.writing() as connection:
        for key in ("", ".", "../../victim", str(victim)[:32]):
            drop_folders(connection, key)
        free(connection, ["", "../../victim", "f" * 63])
    pools.finish_removals()
    assert victim.is_dir()
    assert (stored(data), folders(data)) == before
    with pools._catalog.reading() as connection:
        assert freed(connection) == []


def test_what_a_job_writes_for_a_pool_that_was_dropped_meanwhile_goes_too(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = Pools(data)
    key = pools.open("pool").key
    pools.drop("pool")
    late = data / "reports" / key / "job"
    late.mkdir(parents=True)
    pools.finish_removals()
    assert not late.parent.exists()
    monkeypatch.setattr(removing, "_REMEMBERED", timedelta(seconds=-1))
    pools.finish_removals()
    with pools._catalog.reading() as connection:
        assert dropped(connection) == []


@pytest.mark.usefixtures("database")
def test_a_pool_made_anew_under_the_name_is_not_the_one_to_drop(tmp_path: Path) -> None:
    here, elsewhere = PoolsOfDatabase(tmp_path), PoolsOfDatabase(tmp_path)
    old = here.create("pool", "fake", FINGERPRINT, DIM)
    elsewhere.drop("pool")
    new = elsewhere.create("pool", "fake", FINGERPRINT, DIM)
    here._named["pool"] = old
    here.open = lambda name: old  # type: ignore[method-assign]  # as if the other had come in between
    with pytest.raises(PoolNotFoundError):
        here.drop("pool")
    assert elsewhere.open("pool").key == new.key


@pytest.mark.usefixtures("database")
def test_what_other_pools_were_made_with_stays(tmp_path: Path) -> None:
    pools = PoolsOfDatabase(tmp_path)
    pool = pools.create("pool", "fake", FINGERPRINT, DIM)
    number = add_version(pool, SECOND)
    pools.create("other", f"{pool.key}/{number}", SECOND, DIM)
    for refused in (lambda: pools.drop("pool"), lambda: pool.discard(number, for_good=True)):
        with pytest.raises(EncoderVersionInUseError, match="'other' was made with"):
            refused()
    pools.drop("other")
    pool.discard(number, for_good=True)
    with pytest.raises(InvalidRequestError, match="no free number"):
        pool.add_version(encoder="e", fingerprint=SECOND, dim=8, looks_at_domains=False, lineage={}, number=number)
    pools.drop("pool")
