"""Approximate kinds: what they promise is measured, and what every search promises holds with them too."""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.looked_through import looked_through
from index.manifest import Manifest, read_manifest, write_manifest
from index.proposers import choosing
from index.proposers.choosing import with_proposer
from index.proposers.kind import untold
from index.proposers.kinds import KINDS
from index.proposers.measuring import probe_queries
from index.search import Sources
from index.segments import Segment, open_segment, write_segment
from index.space import Space
from index.tail import Tail
from invariantselect.errors import JobCancelledError, StoreCorruptError
from tests.index.clock import Clock
from tests.index.model import exact_score

DIM = 24
SEALED, UNSEALED = 3000, 300
SIZE = SEALED + UNSEALED


def clustered(count: int, seed: int) -> np.ndarray:
    centres = np.random.default_rng(0).standard_normal((30, DIM))
    generator = np.random.default_rng(seed)
    vectors = centres[generator.integers(30, size=count)] + 0.7 * generator.standard_normal((count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(8).standard_normal((count, DIM)).astype(np.float32)


@functools.cache
def vectors() -> np.ndarray:
    made = clustered(SIZE, 3)
    crowd = np.random.default_rng(4).choice(SIZE, 60, replace=False)
    made[crowd] = made[crowd[0]]
    return made


@functools.cache
def origin(kind: str) -> Path:
    """Where the segment with the approximate half of one kind lies."""
    return Path(tempfile.mkdtemp(suffix=kind))


@functools.cache
def segment(kind: str) -> Segment:
    """A segment with the approximate half of one kind."""
    folder = origin(kind)
    entry = write_segment(folder, [(np.arange(SEALED), vectors()[:SEALED])], DIM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "SMALLEST", 1000)
        patch.setattr("index.proposers.measuring.time", Clock(1, 1e-3))
        made = with_proposer(folder, entry, DIM, 0.9, untold, kinds=[KINDS[kind]])
    assert made.kind == kind, made.note
    return open_segment(folder, made, DIM)


@functools.cache
def ids() -> np.ndarray:
    made = np.empty(SIZE, object)
    made[:] = [f"id-{number:05d}" for number in np.random.default_rng(1).permutation(SIZE)]
    return made


def sources(kind: str) -> Sources:
    return Sources((segment(kind),), Tail(DIM).extended(vectors()[SEALED:]))


def by_sorting(query: np.ndarray, allowed: np.ndarray, limit: int | None) -> list[int]:
    positions = np.flatnonzero(allowed)
    scores = (vectors()[positions].astype(np.float64) * query.astype(np.float64)).sum(axis=1).astype(np.float32)
    order = sorted(range(len(positions)), key=lambda n: (-scores[n], ids()[positions[n]]))[:limit]
    return positions[order].tolist()


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.sampled_from([1, 3, 9]),
    limit=st.sampled_from([1, 7, 10, 18, 100, 101, 900, None]),
    share=st.sampled_from([0.0, 0.3, 0.9, 0.999, 1.0]),
    near_the_dead=st.booleans(),
)
def test_what_is_found_lives_is_scored_exactly_and_there_is_enough_of_it(
    kind, seed, batch, limit, share, near_the_dead
):
    generator = np.random.default_rng(seed)
    queries = clustered(batch, seed)
    alive = generator.random(SIZE) < share
    if near_the_dead:
        scores = vectors() @ queries[0]
        alive[np.argsort(-scores)[:40]] = False
    found = sources(kind).nearest(queries, limit, alive, ids(), exact=False)
    for number, (query, neighbours) in enumerate(zip(queries, found, strict=True)):
        positions = neighbours.positions.tolist()
        assert alive[positions].all()
        assert len(set(positions)) == len(positions)
        assert len(positions) == min(SIZE if limit is None else limit, np.count_nonzero(alive))
        for position, score in list(zip(positions, neighbours.scores, strict=True))[:9]:
            assert score == exact_score(vectors()[position], query)
        ranks = [(-score, ids()[position]) for position, score in zip(positions, neighbours.scores, strict=True)]
        assert ranks == sorted(ranks)
        (alone,) = sources(kind).nearest(queries[number : number + 1], limit, alive, ids(), exact=False)
        assert alone.positions.tolist() == positions


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    limit=st.sampled_from([1, 10, 100, None]),
    share=st.sampled_from([0.01, 0.5, 0.999]),
    batch=st.sampled_from([1, 5]),
)
def test_an_exact_search_is_as_exact_as_ever(kind, seed, limit, share, batch):
    queries = clustered(batch, seed)
    allowed = np.random.default_rng(seed).random(SIZE) < share
    for query, found in zip(queries, sources(kind).nearest(queries, limit, allowed, ids()), strict=True):
        assert found.positions.tolist() == by_sorting(query, allowed, limit)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_recall_in_the_manifest_is_what_counting_gives(kind):
    opened = segment(kind)
    queries = probe_queries(opened)
    proposer = opened.entry.proposer
    assert len(queries) == proposer.queries == 256
    assert [depth.k for depth in proposer.depths] == [10, 30, 100]
    scores = (queries.astype(np.float64) @ vectors()[:SEALED].T.astype(np.float64)).astype(np.float32)
    for depth in proposer.depths:
        assert depth.recall >= 0.9
        hits = 0
        for query, mine in zip(queries, scores, strict=True):
            worst = np.sort(mine)[-depth.k]
            found = opened._proposer.propose(query, depth.k, depth.effort)
            hits += min(depth.k, int((mine[found] >= worst).sum()))
        assert depth.recall == hits / (depth.k * len(queries))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_effort_is_the_smallest_that_suffices(kind):
    opened = segment(kind)
    for depth in opened.entry.proposer.depths:
        efforts = KINDS[kind].efforts(opened._proposer._index)
        assert depth.effort in efforts
        if depth.effort != efforts[0]:
            below = efforts[efforts.index(depth.effort) - 1]
            hits = 0
            for query in probe_queries(opened):
                exact = np.sort(vectors()[:SEALED] @ query)[-depth.k]
                found = vectors()[opened._proposer.propose(query, depth.k, below)] @ query
                hits += min(depth.k, (found >= exact - 1e-6).sum())
            assert hits / (depth.k * 256) < 0.9 + 1e-3


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_new_queries_are_found_at_least_about_as_often_as_was_measured(kind):
    depth = segment(kind).entry.proposer.depths[0]
    everything = Sources((segment(kind),), Tail(DIM))
    queries = clustered(200, 77)
    exact = everything.nearest(queries, depth.k, None, ids()[:SEALED])
    probable = everything.nearest(queries, depth.k, None, ids()[:SEALED], exact=False)
    pairs = zip(exact, probable, strict=True)
    hits = sum(len(np.intersect1d(wanted.positions, found.positions)) for wanted, found in pairs)
    assert hits / (200 * depth.k) > depth.recall - 0.05


def test_a_segment_with_an_approximate_half_is_read_as_it_was_written(tmp_path):
    entry = segment("hnsw").entry
    manifest = replace(Manifest("f" * 64, DIM, recall=0.9), generation=1, segments=(entry,))
    write_manifest(tmp_path, manifest)
    read = read_manifest(tmp_path, fingerprint="f" * 64, dim=DIM)
    assert read == manifest
    assert hash(read.segments[0]) == hash(entry)
    named = replace(entry, proposer=replace(entry.proposer, file="../a.faiss"))
    write_manifest(tmp_path, replace(manifest, segments=(named,)))
    with pytest.raises(StoreCorruptError, match="outside"):
        read_manifest(tmp_path, fingerprint="f" * 64, dim=DIM)


def test_few_vectors_are_left_alone(tmp_path):
    entry = write_segment(tmp_path, [(np.arange(50), vectors()[:50])], DIM)
    made = with_proposer(tmp_path, entry, DIM, 0.9, untold)
    assert (made.kind, made.proposer) == ("flat", None)
    assert "50 vectors" in made.note


@pytest.mark.parametrize(("recall", "exact"), [(0.999, 1.0), (0.01, 1e-6)])
def test_where_no_kind_is_good_or_fast_enough_search_stays_exact_and_says_so(tmp_path, monkeypatch, recall, exact):
    monkeypatch.setattr(choosing, "SMALLEST", 1000)
    monkeypatch.setattr("index.proposers.measuring.time", Clock(exact, 1e-3))
    entry = write_segment(tmp_path, [(np.arange(1000), noise(1000))], DIM)
    made = with_proposer(tmp_path, entry, DIM, recall, untold, kinds=[KINDS["ivf"]])
    assert (made.kind, made.proposer) == ("flat", None)
    assert made.note.startswith(f"exact, as no kind is faster with the asked recall {recall} of 10: ivf 0.")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(entry.files)


def test_a_cancelled_trial_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "SMALLEST", 1000)
    entry = write_segment(tmp_path, [(np.arange(1000), noise(1000))], DIM)

    def cancelled(phase: str, _done: int, _total: int) -> None:
        if phase == "linking neighbours":  # after the other kind was made
            raise JobCancelledError("enough")

    with pytest.raises(JobCancelledError):
        with_proposer(tmp_path, entry, DIM, 0.9, cancelled)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(entry.files)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_damaged_approximate_file_never_leads_out_of_memory(kind, tmp_path):
    opened = segment(kind)
    folder = tmp_path
    for name in opened.entry.files:
        shutil.copy(origin(kind) / name, folder / name)
    path = folder / opened.entry.proposer.file
    sound = path.read_bytes()
    generator = np.random.default_rng(6)
    refused = 0
    for offset in generator.integers(0, len(sound) - 4, 60).tolist():
        path.unlink()
        path.write_bytes(sound[:offset] + b"\x7f\x7f\x7f\x7f" + sound[offset + 4 :])
        try:
            damaged = open_segment(folder, opened.entry, DIM)
            found = damaged.probable(vectors()[:5], 10, None)
            assert all(len(offsets) >= 10 and offsets.max() < SEALED for offsets in found)
        except StoreCorruptError:
            refused += 1
    assert refused > 0 or kind == "ivf"  # most of a list is vectors, and any vector can be read
    path.write_bytes(sound[:-5000])
    with pytest.raises(StoreCorruptError):
        open_segment(folder, opened.entry, DIM)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        open_segment(folder, opened.entry, DIM)


def read_by_this_thread() -> int:
    told = Path("/proc/thread-self/io").read_text()
    return int(told.split("rchar: ")[1].split()[0])


@pytest.mark.skipif(not Path("/proc/thread-self/io").exists(), reason="only Linux tells what a thread has read")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_half_is_read_before_the_segment_takes_the_place_of_another(tmp_path: Path, kind: str) -> None:
    entry = segment(kind).entry
    shutil.copytree(origin(kind), tmp_path, dirs_exist_ok=True)
    assert entry.proposer is not None
    write_manifest(tmp_path, Manifest("f" * 64, DIM, segments=(entry,)))
    space = Space("pool", 1, "f" * 64, DIM, tmp_path)
    before = read_by_this_thread()
    (found,) = looked_through(space, [])
    all_in_all = read_by_this_thread() - before
    assert found.entry == entry
    open_segment(tmp_path, entry, DIM)  # maps it, which reads some of it
    opening = read_by_this_thread() - before - all_in_all
    assert all_in_all - opening >= entry.proposer.size
    assert looked_through(space, [found]) == []
