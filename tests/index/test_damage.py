"""A damaged or lost file is noticed and named, and a pool is made anew from its images."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from index import inspection
from index.blobs.blobs import Blobs
from index.inspection import inspect
from index.pool import Pool
from index.pools import Pools
from index.sealing import exclusive
from invariantselect.errors import InvalidVectorError, InvariantSelectError, StoreCorruptError
from tests.index.entries import entry, make_pool, vector_of_image
from tests.index.model import Model

QUERIES = vector_of_image(b"query")[np.newaxis]


@pytest.fixture
def pool(tmp_path) -> Pool:
    pool = make_pool(tmp_path)
    pool.write([entry(f"{number:02d}") for number in range(20)])
    pool.seal()
    pool.write([entry("later", domain="x")])
    return pool


@pytest.fixture
def model() -> Model:
    return Model({**{f"{n:02d}": entry(f"{n:02d}") for n in range(20)}, "later": entry("later", domain="x")})


def encode(given):
    return np.stack([vector_of_image(image) for image in given.images()])


def only(data: Path, pattern: str) -> Path:
    (path,) = data.glob(pattern)
    return path


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.unlink()  # a new file: pages that a snapshot has mapped stay as they were
    path.write_bytes(content)


def serious(data: Path) -> list[str]:
    return [finding.detail for finding in inspect(data) if not finding.harmless]


def test_a_sound_directory_has_nothing_to_report(pool, tmp_path):
    pool.delete(["03"])
    pool.seal()
    assert inspect(tmp_path) == []


@pytest.mark.parametrize("pattern", ["pools/*/*.faiss", "pools/*/*.npy", "pools/*/manifest.json", "blobs/??/??/*"])
def test_a_flipped_byte_in_any_file_is_found(pool, tmp_path, pattern):
    for path in sorted(tmp_path.glob(pattern))[:3]:
        sound = path.read_bytes()
        for offset in np.linspace(0, len(sound) - 1, 7).astype(int).tolist():
            flip(path, offset)
            assert serious(tmp_path), (path, offset)
            path.write_bytes(sound)
    assert inspect(tmp_path) == []


@pytest.mark.parametrize("pattern", ["pools/*/*.faiss", "pools/*/*.npy", "pools/*/manifest.json"])
def test_an_opening_reads_a_damaged_header_as_damage_or_reads_it_right(pool, tmp_path, model, pattern):
    path = only(tmp_path, pattern)
    sound = path.read_bytes()
    for offset in range(0, 45 if path.suffix == ".faiss" else 128, 3):
        flip(path, offset)
        with contextlib.suppress(StoreCorruptError), Pools(tmp_path) as pools:
            model.check(pools.open("pool").snapshot(), QUERIES)
        path.write_bytes(sound)


@pytest.mark.parametrize("pattern", ["pools/*/*.faiss", "pools/*/*.npy", "pools/*/manifest.json", "pools/*"])
@pytest.mark.parametrize("damage", ["cut", "lost"])
def test_a_lost_or_truncated_file_is_told_and_a_rebuild_mends_it(pool, tmp_path, model, pattern, damage):
    path = only(tmp_path, pattern)
    if path.is_dir():
        shutil.rmtree(path)
    elif damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-5])
    pools = Pools(tmp_path)
    damaged = pools.open("pool")
    with pytest.raises(StoreCorruptError):
        damaged.snapshot()
    assert serious(tmp_path)
    damaged.rebuild(encode)
    model.check(damaged.snapshot(), QUERIES)
    model.check(Pools(tmp_path).open("pool").snapshot(), QUERIES)
    assert inspect(tmp_path) == []


def test_a_running_reader_and_another_process_see_a_rebuilt_pool(pool, tmp_path, model):
    before = pool.snapshot()
    elsewhere = Pools(tmp_path).open("pool")
    elsewhere.snapshot()
    flip(only(tmp_path, "pools/*/*.faiss"), -1)
    assert any("altered" in detail for detail in serious(tmp_path))
    pool.rebuild(encode)
    for reader in (pool, elsewhere):
        assert reader.snapshot().version == before.version + 1
        model.check(reader.snapshot(), QUERIES)
    model.check(before, QUERIES)


def test_a_merge_refuses_vectors_that_were_altered(pool, tmp_path):
    pool.write([entry(f"more {number}") for number in range(15)])
    flip(only(tmp_path, "pools/*/*.faiss"), -1)
    with pytest.raises(StoreCorruptError, match="altered"):
        pool.seal()


def test_writes_and_deletions_during_a_rebuild_are_kept(pool, model, tmp_path):
    def encode_slowly(given):
        if not model.entries.get("new"):
            pool.write([entry("new"), entry("00", b"another")])
            pool.delete(["19"])
            model.entries.update({"new": entry("new"), "00": entry("00", b"another")})
            del model.entries["19"]
        return encode(given)

    pool.rebuild(encode_slowly)
    model.check(pool.snapshot(), QUERIES)
    pool.seal()
    model.check(Pools(tmp_path).open("pool").snapshot(), QUERIES)
    assert inspect(tmp_path) == []


def test_a_rebuild_that_fails_changes_nothing(pool, tmp_path, model):
    with pytest.raises(InvalidVectorError):
        pool.rebuild(lambda given: np.zeros((len(given.rows), 3), np.float32))
    next(tmp_path.glob("blobs/??/??/*")).unlink()
    with pytest.raises(StoreCorruptError, match="is lost"):
        pool.rebuild(encode)
    model.check(pool.snapshot(), QUERIES)


def test_what_is_deleted_or_dropped_while_it_is_looked_at_is_not_lost(tmp_path, monkeypatch):
    pool, other = make_pool(tmp_path), make_pool(tmp_path, "z")
    pool.write([entry(str(number)) for number in range(300)])
    other.write([entry("a")])
    looked = Blobs.problems

    def problems(blobs, hashes):
        pool.delete([str(number) for number in range(300)])
        return looked(blobs, hashes)

    monkeypatch.setattr(Blobs, "problems", problems)
    real = inspection._of_pool

    def of_pool(catalog, folder, row):
        if row.name == "pool":
            Pools(tmp_path).drop("z")
        return real(catalog, folder, row)

    monkeypatch.setattr(inspection, "_of_pool", of_pool)
    assert serious(tmp_path) == []


def test_what_is_being_rebuilt_is_told_and_not_waited_for(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "_PATIENCE_S", 0.05)
    with exclusive(only(tmp_path, "pools/*"), wait=True):
        (finding,) = inspect(tmp_path)
    assert finding.harmless
    assert "being made anew" in finding.detail
    assert inspect(tmp_path) == []


def test_leftovers_of_crashes_are_reported_as_harmless_and_swept(pool, tmp_path):
    folder = only(tmp_path, "pools/*")
    (folder / "segment-0123.faiss").write_bytes(b"half")
    (folder / "manifest.json.abc.tmp").write_bytes(b"{")
    (tmp_path / "pools" / ("0" * 32)).mkdir()
    pool._blobs.put(b"nobody uses this")
    findings = inspect(tmp_path)
    assert len(findings) == 4
    assert all(finding.harmless for finding in findings)
    Pools(tmp_path).open("pool")
    assert not list(folder.glob("*0123*")) + list(folder.glob("*.tmp"))


def test_a_catalog_behind_the_segments_gives_no_row_twice(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a")])
    pool._catalog.close()
    saved = (tmp_path / "catalog.sqlite3").read_bytes()
    with Pools(tmp_path) as pools:
        pools.open("pool").write([entry("b"), entry("c")])
        pools.open("pool").seal()
    for name in ("catalog.sqlite3-wal", "catalog.sqlite3-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "catalog.sqlite3").write_bytes(saved)
    restored = Pools(tmp_path).open("pool")
    restored.write([entry("d")])
    Model({"a": entry("a"), "d": entry("d")}).check(restored.snapshot(), QUERIES)


def test_a_catalog_behind_the_segments_gives_no_row_twice_after_a_seal(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a"), entry("b")])
    pool._catalog.close()
    saved = (tmp_path / "catalog.sqlite3").read_bytes()
    with Pools(tmp_path) as pools:
        for id in ("c", "d"):  # two segments, of which the second is dropped below
            pools.open("pool").write([entry(id)])
            pools.open("pool").seal()
    for name in ("catalog.sqlite3-wal", "catalog.sqlite3-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "catalog.sqlite3").write_bytes(saved)
    restored = Pools(tmp_path).open("pool")
    restored.seal()
    restored.write([entry("e")])
    Model({id: entry(id) for id in "abe"}).check(restored.snapshot(), QUERIES)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_catalog_that_is_no_database_is_told(tmp_path, content):
    (tmp_path / "catalog.sqlite3").write_bytes(content)
    if content:
        with pytest.raises(StoreCorruptError, match="not a database"):
            Pools(tmp_path)
        assert "not a database" in inspect(tmp_path)[0].detail
    else:
        assert Pools(tmp_path).list() == []


def test_a_damaged_page_of_the_catalog_is_found(pool, tmp_path):
    pool.write([entry(f"n{number}", metadata={"text": "x" * 200}) for number in range(200)])
    pool._catalog.close()
    path = tmp_path / "catalog.sqlite3"
    content = bytearray(path.read_bytes())
    for start in range(8 * 4096, len(content) - 4096, 4096):
        content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    try:
        details = " ".join(serious(tmp_path))
    except InvariantSelectError as error:
        details = error.detail
    assert "catalog is damaged" in details


def test_an_inspection_of_no_data_directory_says_so(tmp_path):
    assert "no catalog" in inspect(tmp_path / "nowhere")[0].detail
