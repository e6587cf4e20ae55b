"""Filling a version: part by part, gone on with after an end of any kind, while everything else goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from index import filling
from index.pool import Pool
from index.space import Space
from invariantselect.errors import InvalidVectorError, JobCancelledError, StoreCorruptError
from tests.catalogs import Pools, inspect
from tests.index.entries import SECOND, THIRD, add_version, entry, make_pool, recode_second, recode_third, with_domain
from tests.index.model import Model

COUNT = 50


class Counting:
    """Encodes by the second encoder and remembers which rows."""

    def __init__(self, before=lambda: None) -> None:
        self.rows: list[int] = []
        self._before = before

    def __call__(self, given):
        self._before()
        self.rows += given.rows.tolist()
        return recode_second(given)


@pytest.fixture
def model() -> Model:
    return Model({f"{n:02d}": entry(f"{n:02d}", domain="xyz"[n % 3]) for n in range(COUNT)})


@pytest.fixture
def pool(tmp_path, model, monkeypatch) -> Pool:
    monkeypatch.setattr(filling, "_ROWS_AT_ONCE", 4)
    monkeypatch.setattr(filling, "_PART_ROWS", 8)
    pool = make_pool(tmp_path, seal_at=1000)
    pool.write(list(model.entries.values()))
    return pool


def space(pool: Pool, number: int = 2) -> Space:
    return pool._space(pool.versions()[number - 1])


def sealed_rows(pool: Pool) -> int:
    return sum(entry.count for entry in space(pool).manifest().segments)


def test_progress_is_told_part_by_part_and_each_row_is_encoded_once(pool, model):
    told, recode = [], Counting()
    add_version(pool, SECOND)
    pool.fill(2, recode, progress=lambda *numbers: told.append(numbers))
    assert told == [(done, COUNT) for done in (8, 16, 24, 32, 40, 48, 50)]
    assert recode.rows == list(range(COUNT))
    pool.fill(2, recode, progress=lambda *numbers: told.append(numbers))
    assert told[7:] == [(COUNT, COUNT)]
    pool.switch(2, recode)
    assert len(recode.rows) == COUNT
    model.check_all(pool)
    assert len(space(pool).manifest().segments) <= 4  # parts are merged as seals are


def test_a_filling_stopped_between_batches_keeps_what_it_has_and_goes_on(pool, model):
    add_version(pool, SECOND)
    answers = iter([False] * 5 + [True])
    recode = Counting()
    with pytest.raises(JobCancelledError, match="stopped at 20 of 50"):
        pool.fill(2, recode, stop=lambda: next(answers))
    assert sealed_rows(pool) == len(recode.rows) == 20
    pool.fill(2, recode, stop=lambda: False)
    assert recode.rows == list(range(COUNT))
    pool.write([entry("new")])
    with pytest.raises(JobCancelledError, match="stopped at 50"):
        pool.fill(2, recode, stop=lambda: True)
    model.entries["new"] = entry("new")
    pool.switch(2, recode)
    model.check_all(pool)


def test_an_encoder_that_fails_costs_one_part(pool, model):
    add_version(pool, SECOND)
    recode = Counting(lambda: None if len(recode.rows) < 20 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pool.fill(2, recode)
    assert sealed_rows(pool) == 16
    again = Counting()
    pool.switch(2, again)
    assert again.rows == list(range(16, COUNT))
    model.check_all(pool)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda given: np.zeros((len(given.rows), 8), np.float32),
        lambda given: np.full((len(given.rows), 8), np.nan, np.float32),
        lambda given: np.ones((len(given.rows), 9), np.float32),
        lambda given: np.ones((len(given.rows) + 1, 8), np.float32),
    ],
)
def test_vectors_that_do_not_fit_are_refused(pool, model, wrong):
    add_version(pool, SECOND)
    for call in (pool.fill, pool.switch):
        with pytest.raises(InvalidVectorError):
            call(2, wrong)
    assert sealed_rows(pool) == 0
    model.check_all(pool)


def test_writes_patches_and_deletions_during_a_filling_are_kept(pool, model):
    def meddle():
        step = len(recode.rows)
        pool.write([entry(f"new {step}"), entry(f"{step // 2:02d}", b"another")])
        pool.delete([f"{step + 3:02d}"])
        pool.patch({f"{step // 3:02d}": {"domain": "elsewhere"}})
        model.entries.update({id: entry(id) for id in [f"new {step}"]})
        model.entries[f"{step // 2:02d}"] = entry(f"{step // 2:02d}", b"another")
        model.entries.pop(f"{step + 3:02d}", None)
        if f"{step // 3:02d}" in model.entries:
            model.entries[f"{step // 3:02d}"] = with_domain(model.entries[f"{step // 3:02d}"], "elsewhere")

    add_version(pool, SECOND)
    recode = Counting(lambda: meddle() if len(recode.rows) < COUNT else None)
    pool.fill(2, recode)
    model.check_all(pool)
    pool.switch(2, recode_second)
    model.check_all(pool)
    pool.seal()
    model.check_all(Pools(pool._folder.parents[1]).open("pool"))
    assert inspect(pool._folder.parents[1]) == []


def test_an_image_that_is_lost_is_told(pool, tmp_path, model):
    sha256 = pool.get(["05"])[0].sha256
    pool._blobs.discard(sha256)
    add_version(pool, SECOND)
    with pytest.raises(StoreCorruptError, match=sha256):
        pool.fill(2, recode_second)
    add_version(pool, THIRD)
    pool.switch(3, recode_third)  # needs no image
    model.check_all(pool)
    pool.delete(["05"])
    del model.entries["05"]
    pool.switch(2, recode_second)
    model.check_all(pool)


def test_a_version_needs_no_image_where_the_trunk_is_the_same(pool, model, monkeypatch):
    monkeypatch.setattr(pool._blobs, "get", lambda _: 1 / 0)
    add_version(pool, THIRD)
    pool.switch(2, recode_third)
    model.check_all(pool)


def test_two_processes_fill_together(pool, tmp_path, model):
    add_version(pool, SECOND)
    other, mine = Pools(tmp_path).open("pool"), Counting()
    theirs = Counting()

    def one_part_each(done, _):
        if done < 40:
            other.fill(2, theirs, stop=lambda: len(theirs.rows) % 8 == 4)

    with pytest.raises(JobCancelledError):
        pool.fill(2, mine, progress=one_part_each)
    pool.switch(2, mine)
    assert sorted(mine.rows + theirs.rows) == list(range(COUNT))
    model.check_all(pool)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x10
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize("pattern", ["*.faiss", "*.npy", "manifest.json", "."])
@pytest.mark.parametrize("damage", [_cut, _flip, Path.unlink])
@pytest.mark.parametrize("state", ["candidate", "retired"])
def test_what_was_damaged_while_out_of_use_is_made_anew(pool, tmp_path, model, pattern, damage, state):
    add_version(pool, SECOND)
    if state == "retired":
        pool.switch(2, recode_second)
        pool.switch(1, recode_second)
    else:
        pool.fill(2, recode_second)
    folder = space(pool).folder
    if pattern == ".":
        shutil.rmtree(folder)
    else:
        damage(next(folder.glob(pattern)))
    assert [finding for finding in inspect(tmp_path) if not finding.harmless] == []
    recode = Counting()
    Pools(tmp_path).open("pool").switch(2, recode)
    assert recode.rows == list(range(COUNT))
    model.check_all(pool)
    assert inspect(tmp_path) == []


def test_what_a_dead_filling_left_is_swept(pool, tmp_path):
    add_version(pool, SECOND)
    pool.fill(2, recode_second)
    folder = space(pool).folder
    (folder / "segment-0123.faiss").write_bytes(b"half")
    assert [finding.harmless for finding in inspect(tmp_path)] == [True]
    Pools(tmp_path).open("pool")
    assert not (folder / "segment-0123.faiss").exists()
