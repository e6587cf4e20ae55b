"""The door to a data directory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from index import removing
from invariantselect.errors import (
    CatalogUnavailableError,
    InvalidRequestError,
    PoolExistsError,
    PoolNotFoundError,
)
from tests.catalogs import Pools
from tests.index.entries import DIM, FINGERPRINT, entry, make_pool

pytestmark = pytest.mark.usefixtures("database")


def test_pools_are_listed_by_name_and_opened_as_they_were_made(tmp_path):
    pools = Pools(tmp_path)
    for name in ("skin", "art", "9.b_c-d"):
        pools.create(name, encoder="fake", fingerprint=FINGERPRINT, dim=16)
    assert [pool.name for pool in Pools(tmp_path).list()] == ["9.b_c-d", "art", "skin"]
    pool = Pools(tmp_path).open("skin")
    assert (pool.encoder, pool.fingerprint, pool.dim) == ("fake", FINGERPRINT, 16)
    assert pool.created_at.utcoffset().total_seconds() == 0
    assert pools.open("skin") is pools.open("skin")


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a b", "x" * 65, "ü", "a\n"])
def test_a_name_that_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(InvalidRequestError):
        Pools(tmp_path).create(name, "fake", FINGERPRINT, 16)


def test_of_many_that_make_the_same_pool_one_succeeds(tmp_path):
    def make(_):
        try:
            return Pools(tmp_path).create("pool", "fake", FINGERPRINT, 16).key
        except PoolExistsError:
            return None

    with ThreadPoolExecutor(4) as threads:
        keys = [key for key in threads.map(make, range(4)) if key]
    assert len(keys) == 1
    assert Pools(tmp_path).open("pool").key == keys[0]


def test_a_pool_that_is_not_there_is_not_found(tmp_path):
    pools = Pools(tmp_path)
    for call in (pools.open, pools.drop):
        with pytest.raises(PoolNotFoundError):
            call("nix")


def test_a_pool_dropped_and_made_again_elsewhere_is_another_pool(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a")])
    here = Pools(tmp_path)
    assert here.open("pool").snapshot().alive.sum() == 1
    elsewhere = Pools(tmp_path)
    elsewhere.drop("pool")
    elsewhere.create("pool", "other", FINGERPRINT, 8)
    assert here.open("pool").dim == 8
    assert here.open("pool").snapshot().size == 0


def test_others_write_while_the_images_of_a_large_pool_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(removing, "_IMAGES_AT_ONCE", 3)
    pools = Pools(tmp_path)
    pools.create("large", "fake", FINGERPRINT, 16).write([entry(f"{n:02d}", f"{n}".encode()) for n in range(10)])
    other = pools.create("other", "fake", FINGERPRINT, 16)
    left = []

    def write(_):  # stands where drop gives way
        other.write([entry("x", f"x{len(left)}".encode())])
        left.append(sum(path.is_file() for path in (tmp_path / "blobs").rglob("*")))

    monkeypatch.setattr(removing.time, "sleep", write)
    pools.drop("large")
    monkeypatch.undo()
    assert len(left) == 4
    assert left[0] >= 7 > 3 >= left[-1]
    assert other.image("x").content == b"x3"


def test_dropping_a_pool_keeps_the_images_of_others(tmp_path):
    pools = Pools(tmp_path)
    for name in ("one", "two"):
        pools.create(name, "fake", FINGERPRINT, 16).write([entry("a", b"shared"), entry("b", name.encode())])
    pools.drop("one")
    assert pools.open("two").image("a").content == b"shared"
    images = {path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert images == {b"shared", b"two"}
    assert len(list((tmp_path / "pools").iterdir())) == 1


def test_a_data_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CatalogUnavailableError, match="can't be used"):
        Pools(tmp_path / "file")


def test_a_pool_dropped_while_the_list_is_made_is_not_in_it(tmp_path, monkeypatch):
    here, elsewhere = Pools(tmp_path), Pools(tmp_path)
    for name in ("a", "z"):
        elsewhere.create(name, "fake", FINGERPRINT, DIM)
    real = here._pool

    def opened(row):
        if row.name == "a":
            elsewhere.drop("z")
        return real(row)

    monkeypatch.setattr(here, "_pool", opened)
    assert [pool.name for pool in here.list()] == ["a"]


def test_another_pool_of_the_name_is_not_dropped(tmp_path):
    pools = Pools(tmp_path)
    first = pools.create("a", "fake", FINGERPRINT, DIM)
    pools.drop("a", key=first.key)
    second = pools.create("a", "fake", FINGERPRINT, DIM)
    with pytest.raises(PoolNotFoundError, match="another has its name"):
        pools.drop("a", key=first.key)
    assert pools.open("a").key == second.key
