"""What an attempt has encoded is found by the next one, whatever was deleted meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.pool import Pool
from invariantselect.wire.jobs import ImportRequest, RebuildRequest
from service.jobs import rebuilding
from service.jobs.kept_vectors import KeptVectors
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.services import Services
from tests.service.jobs.test_jobs_of_dropped_pools import make, run, services, submit
from tests.service.live_versions import check

__all__ = ["services"]

DIM = 4


def vectors_of(rows: np.ndarray) -> np.ndarray:
    return (rows[:, None] * 10 + np.arange(DIM)).astype(np.float32)


@given(st.lists(st.sets(st.integers(0, 60), min_size=1), max_size=6), st.sets(st.integers(0, 60)))
def test_what_was_kept_is_found_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, together: list[set[int]], asked: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("job")
    for some in together:
        rows = np.array(sorted(some), dtype=np.int64)
        KeptVectors(folder, "f" * 64, DIM).keep(rows, vectors_of(rows))
    rows = np.array(sorted(asked), dtype=np.int64)
    found, vectors = KeptVectors(folder, "f" * 64, DIM).find(rows)
    assert found.tolist() == [row in set().union(*together) for row in rows.tolist()]
    np.testing.assert_array_equal(vectors, np.where(found[:, None], vectors_of(rows), 0))
    assert not KeptVectors(folder, "0" * 64, DIM).find(rows)[0].any()


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1], lambda content: content[:-4] + b"else", lambda _: b""]
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, damage: object) -> None:
    first, second = np.arange(5, dtype=np.int64), np.arange(5, 9, dtype=np.int64)
    kept = KeptVectors(tmp_path, "f" * 64, DIM)
    for rows in (first, second):
        kept.keep(rows, vectors_of(rows))
    file = sorted(tmp_path.iterdir())[0]
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    rows = np.arange(10, dtype=np.int64)
    found, vectors = KeptVectors(tmp_path, "f" * 64, DIM).find(rows)
    assert found.tolist() == [5 <= row < 9 for row in range(10)]
    np.testing.assert_array_equal(vectors[5:9], vectors_of(second))


def test_a_deletion_between_two_attempts_costs_no_image(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make(services)
    assert run(services, submit(services, "import", ImportRequest(source="one"))).state == "succeeded"
    id = submit(services, "rebuild", RebuildRequest())
    real, calls = rebuilding.KeptVectors.keep, []

    def keep(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding.KeptVectors, "keep", keep)
        runner = Runner(services, services.store, KINDS, worker="dies", stopping=lambda: False, put_back=print)
        with pytest.raises(KeyboardInterrupt):
            runner.run(id)
    delete_first(pool)
    with services.store.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'queued', worker = NULL")
    job = run(services, id)
    assert job.state == "succeeded", job.error
    assert job.result is not None
    assert (job.result["images"], job.result["encoded"]) == (39, 40 - 32)
    check(pool)


def delete_first(pool: Pool) -> None:
    snapshot = pool.snapshot()
    assert pool.delete([snapshot.ids[0]])[0].status == "deleted"
