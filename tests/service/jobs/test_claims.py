"""Who holds a job, told by the table alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from index.catalog.engine import Catalog
from invariantselect.errors import IdempotencyKeyReusedError, JobNotFoundError, JobStateError
from invariantselect.wire.jobs import ImportRequest, JobProgress, RebuildRequest
from service.jobs import clock
from service.jobs.claims import claim
from service.jobs.desk import JobDesk, open_desk
from service.jobs.rows import new_id
from service.settings import Settings
from tests.catalogs import database_url, open_store

pytestmark = pytest.mark.usefixtures("database")

LONG, AT_ONCE = 3600.0, -1.0  # seconds after which a worker counts as dead


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def desk(tmp_path: Path, store: Catalog) -> Iterator[JobDesk]:
    with open_desk(Settings(data=tmp_path, database_url=database_url(tmp_path), job_stale_seconds=LONG)) as opened:
        yield opened


def test_of_many_who_try_at_once_one_gets_the_job(desk: JobDesk, store: Catalog) -> None:
    for _ in range(5):
        id = desk.submit("rebuild", RebuildRequest(), pool="p").id
        with ThreadPoolExecutor(8) as threads:
            tries = list(threads.map(lambda name, id=id: claim(store, id, f"w{name}", LONG), range(8)))
        won = [each for each in tries if each is not None]
        assert len(won) == 1
        assert (desk.get(id).worker, desk.get(id).attempt) == (won[0].worker, 1)


def test_what_is_not_there_or_done_is_nobody_s_to_take(desk: JobDesk, store: Catalog) -> None:
    assert claim(store, "0" * 24, "w", LONG) is None
    held = claim(store, desk.submit("rebuild", RebuildRequest()).id, "w", LONG)
    assert held is not None
    assert held.succeed({"images": 1})
    assert claim(store, held.job.id, "v", AT_ONCE) is None
    assert desk.get(held.job.id).result == {"images": 1}


def test_a_worker_that_lost_its_job_can_say_nothing_of_it_any_more(desk: JobDesk, store: Catalog) -> None:
    id = desk.submit("rebuild", RebuildRequest()).id
    first = claim(store, id, "first", LONG)
    assert first is not None
    assert (first.standing(), first.beat()) == ("held", True)
    second = claim(store, id, "second", AT_ONCE)
    assert second is not None
    assert (second.job.attempt, second.takeovers) == (2, 1)
    before, events = desk.get(id), desk.events(id)
    first.progress(JobProgress(phase="late"))
    first.log("late")
    late = [first.beat(), first.succeed({}), first.fail({}), first.cancel(), first.release()]
    assert late == [False] * 5
    assert first.standing() == "lost"
    assert (desk.get(id), desk.events(id)) == (before, events)
    assert second.succeed({})


def test_a_job_put_back_is_no_worker_s_death(desk: JobDesk, store: Catalog) -> None:
    id = desk.submit("rebuild", RebuildRequest()).id
    held = claim(store, id, "w", LONG)
    assert held is not None
    assert held.release()
    assert (desk.get(id).state, desk.get(id).worker) == ("queued", None)
    again = claim(store, id, "w", LONG)
    assert again is not None
    assert (again.job.attempt, again.takeovers) == (2, 0)
    assert not held.beat()  # the same worker, and yet another claim


def test_a_job_whose_worker_died_is_cancelled_at_once(tmp_path: Path, desk: JobDesk, store: Catalog) -> None:
    id = desk.submit("rebuild", RebuildRequest()).id
    held = claim(store, id, "w", LONG)
    assert held is not None
    assert desk.cancel(id).state == "running"
    assert held.standing() == "cancel_requested"
    desk._stale_seconds = AT_ONCE
    assert desk.cancel(id).state == "cancelled"
    assert held.standing() == "lost"


def test_the_same_key_makes_one_job_and_another_request_is_refused(desk: JobDesk) -> None:
    first = desk.submit("rebuild", RebuildRequest(), pool="p", idempotency_key="k")
    assert desk.submit("rebuild", RebuildRequest(), pool="p", idempotency_key="k") == first
    assert desk.submit("rebuild", RebuildRequest(), pool="p").id != first.id
    with pytest.raises(IdempotencyKeyReusedError) as refused:
        desk.submit("rebuild", RebuildRequest(), pool="q", idempotency_key="k")
    assert first.id not in str(refused.value)  # whoever asks may not see that pool
    with pytest.raises(IdempotencyKeyReusedError, match=first.id):
        desk.submit("import", ImportRequest(source="a"), pool="p", idempotency_key="k")
    with ThreadPoolExecutor(8) as threads:
        made = threads.map(lambda _: desk.submit("rebuild", RebuildRequest(), idempotency_key="l").id, range(8))
    assert len(set(made)) == 1


def test_the_same_key_retries_once(desk: JobDesk) -> None:
    id = desk.submit("rebuild", RebuildRequest()).id
    desk.cancel(id)
    assert desk.retry(id, idempotency_key="r").state == "queued"
    assert desk.retry(id, idempotency_key="r").state == "queued"
    with pytest.raises(JobStateError, match="queued"):
        desk.retry(id, idempotency_key="s")
    desk.cancel(id)
    assert desk.retry(id, idempotency_key="r").state == "cancelled"  # it is the request of then, come late
    assert desk.retry(id, idempotency_key="s").state == "queued"


def test_jobs_are_paged_from_the_newest_on(desk: JobDesk) -> None:
    ids = [desk.submit(kind, RebuildRequest(), pool=pool).id for kind in ("a", "b") for pool in ("p", None, "q")]
    assert [job.id for job in desk.page(limit=4)] == sorted(ids, reverse=True)[:4]
    assert [job.id for job in desk.page(before=desk.page(limit=4)[-1].id)] == sorted(ids, reverse=True)[4:]
    assert [(job.kind, job.pool) for job in desk.page(kind="a", pool="p")] == [("a", "p")]
    desk.cancel(ids[1])
    assert [job.id for job in desk.page(state="cancelled")] == [ids[1]]


def test_a_job_that_is_not_there_is_not_found(desk: JobDesk) -> None:
    for ask in (desk.get, desk.cancel, desk.retry, desk.events):
        with pytest.raises(JobNotFoundError):
            ask("0" * 24)


def test_ids_grow_and_differ() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert [id[:12] for id in made] == sorted(id[:12] for id in made)


@pytest.mark.parametrize("hours", [-1, 1])
def test_with_a_database_for_several_machines_its_clock_counts_and_not_theirs(
    desk: JobDesk, store: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, hours: int
) -> None:
    """With a catalog in a file there is one machine, and so one clock."""
    id = desk.submit("rebuild", RebuildRequest()).id
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours))
    held = claim(store, id, "first", 60)
    assert held is not None
    held.progress(JobProgress(phase="encoding"))
    monkeypatch.undo()
    taken = claim(store, id, "second", 60)
    assert (taken is None) == (database == "postgresql" or hours > 0)
    job = desk.get(id)
    assert job.heartbeat_at is not None
    assert job.started_at is not None
    away = abs(datetime.now(UTC) - job.started_at)
    assert (away < timedelta(minutes=1)) == (database == "postgresql")
    assert desk.cancel(id).state == "running"  # asked to stop; nobody takes its worker for dead
