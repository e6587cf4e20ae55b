"""Seals put vectors away in few files, and drop what is dead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import pool as pool_module
from index import rebuilding
from index.manifest import Manifest, SegmentEntry, read_manifest, write_manifest
from index.pool import Pool
from index.pools import Pools
from index.sealing import LOCK, exclusive, trailing_to_merge
from index.tail import Tail
from invariantselect.errors import StoreCorruptError
from tests.index.entries import entry, make_pool, recode_first, vector_of_image
from tests.index.model import Model

QUERIES = vector_of_image(b"query")[np.newaxis]


def counts(pool: Pool) -> list[int]:
    manifest = read_manifest(pool._folder, fingerprint=pool.fingerprint, dim=pool.dim)
    return [segment.count for segment in manifest.segments]


def test_small_segments_are_merged_so_that_few_remain():
    segments: list[int] = []
    rewritten = 0
    for _ in range(1000):
        first = trailing_to_merge(segments, 4)
        merged = 4 + sum(segments[first:])
        rewritten += merged
        segments = [*segments[:first], merged]
    assert len(segments) <= 11
    assert rewritten <= 4000 * 12


@given(st.lists(st.integers(0, 200_000), max_size=12), st.integers(1, 200_000))
def test_no_merge_grows_out_of_memory(segments, tail):
    first = trailing_to_merge(segments, tail)
    assert sum(segments[first:]) == 0 or tail + sum(segments[first:]) <= 131_072


def test_what_is_written_past_the_threshold_is_sealed_by_itself(tmp_path):
    pool = make_pool(tmp_path, seal_at=10)
    pool.write([entry(f"{number}") for number in range(9)])
    assert counts(pool) == []
    pool.write([entry("9"), entry("10")])
    assert counts(pool) == [11]
    with pool._catalog.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tail_vectors").scalar_one() == 0


def test_deletions_alone_shrink_the_segments_in_time(tmp_path):
    pool = make_pool(tmp_path, seal_at=10)
    everything = [entry(f"{number:02d}") for number in range(30)]
    pool.write(everything)
    pool.delete([each.id for each in everything[:11]])
    assert counts(pool) == [30]  # a third is not worth rewriting
    pool.delete([each.id for each in everything[11:22]])
    assert counts(pool) == [8]
    Model({each.id: each for each in everything[22:]}).check(pool.snapshot(), QUERIES)
    pool.delete([each.id for each in everything])
    pool.seal()
    assert counts(pool) == []
    assert pool.snapshot().size == 0


def test_a_seal_with_nothing_to_do_writes_nothing(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a")])
    pool.seal()
    before = sorted(path.stat().st_mtime_ns for path in pool._folder.iterdir() if path.name != "lock")
    pool.seal()
    assert sorted(path.stat().st_mtime_ns for path in pool._folder.iterdir() if path.name != "lock") == before


def test_deaths_that_rewrite_no_segment_are_put_away_once(tmp_path, monkeypatch):
    pool = make_pool(tmp_path, seal_at=8)
    pool.write([entry(str(number)) for number in range(40)])
    sealed = []
    real = pool_module.seal
    monkeypatch.setattr(pool_module, "seal", lambda *given: sealed.append(1) or real(*given))
    for number in range(16):  # of 40, so no segment is worth rewriting
        pool.delete([str(number)])
    assert len(sealed) == 2
    model = Model({str(number): entry(str(number)) for number in range(16, 40)})
    for opened in (pool, Pools(tmp_path).open("pool")):
        model.check(opened.snapshot(), QUERIES)


def test_a_write_over_a_lost_segment_is_done_and_a_seal_says_what_is_missing(tmp_path, caplog):
    pool = make_pool(tmp_path, seal_at=8)
    pool.write([entry(str(number)) for number in range(10)])
    (segment,) = tmp_path.glob("pools/*/*.faiss")
    segment.unlink()
    assert {done.status for done in pool.write([entry(f"new {number}") for number in range(10)])} == {"created"}
    assert [done.status for done in pool.delete(["new 0"])] == ["deleted"]
    assert "is missing" in caplog.text
    with pytest.raises(StoreCorruptError, match=f"the file .*{segment.name} is missing"):
        pool.seal()
    pool.rebuild(recode_first)
    wanted = {str(number): entry(str(number)) for number in range(10)}
    wanted |= {f"new {number}": entry(f"new {number}") for number in range(1, 10)}
    Model(wanted).check(pool.snapshot(), QUERIES)


def files(data):
    return sorted(path for path in data.glob("pools/**/*") if path.is_file() and path.name != LOCK)


def test_a_rebuild_that_is_ended_leaves_no_copy_of_the_vectors(tmp_path, monkeypatch):
    pool = make_pool(tmp_path)
    pool.write([entry(str(number)) for number in range(300)])
    pool.seal()
    before = files(tmp_path)

    def ended(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuilding, "with_proposer", ended)
    with pytest.raises(KeyboardInterrupt):
        pool.rebuild(recode_first, recall=0.9)
    assert files(tmp_path) == before


def test_a_write_does_not_wait_for_a_seal_elsewhere(tmp_path):
    pool = make_pool(tmp_path, seal_at=2)
    with exclusive(pool._folder, wait=True):
        pool.write([entry("a"), entry("b")])
        assert counts(pool) == []
    pool.write([entry("c")])
    assert counts(pool) == [3]


def test_tombstones_are_kept_for_one_seal_and_then_forgotten(tmp_path):
    pool = make_pool(tmp_path)
    left = []
    for id in "abc":
        pool.write([entry(id), entry("kept " + id)])
        pool.seal()
        pool.delete([id])
        with pool._catalog.reading() as connection:
            left.append(connection.exec_driver_sql("SELECT count(*) FROM tombstones").scalar_one())
    pool.write([entry("z")])
    pool.seal()
    assert max(left) <= 2


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    segment = SegmentEntry("a.faiss", "a.rows.npy", 3, "flat", "0" * 64, "1" * 64, 1.0000001)
    manifest = Manifest("f" * 64, 8).next((segment,), sealed_through=7, version=9)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path, fingerprint="f" * 64, dim=8) == manifest
    with pytest.raises(StoreCorruptError, match="another encoder"):
        read_manifest(tmp_path, fingerprint="0" * 64, dim=8)


def test_a_manifest_that_names_a_file_elsewhere_is_refused(tmp_path):
    segment = SegmentEntry("../a.faiss", "a.rows.npy", 3, "flat", "0" * 64, "1" * 64, 1.0)
    write_manifest(tmp_path, Manifest("f" * 64, 8, segments=(segment,)))
    with pytest.raises(StoreCorruptError, match="outside"):
        read_manifest(tmp_path, fingerprint="f" * 64, dim=8)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), max_size=12))
def test_a_tail_keeps_what_it_saw_however_others_grow_out_of_it(steps):
    tails = [(Tail(2), np.empty((0, 2), np.float32))]
    for number, (source, count) in enumerate(steps):
        tail, content = tails[source % len(tails)]
        more = np.full((count, 2), number + 1, dtype=np.float32)
        tails.append((tail.extended(more), np.concatenate([content, more])))
    for tail, content in tails:
        np.testing.assert_array_equal(tail.matrix, content)
        assert tail.count == len(content)
