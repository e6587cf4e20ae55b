"""One job in this process: what ends it, and how; and what the sweep does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from index.catalog.pool_rows import remove_pool
from invariantselect.errors import CatalogUnavailableError, JobCancelledError
from service.jobs import worker
from service.jobs.claims import claim
from service.jobs.clock import utc_now
from service.jobs.context import JobContext
from service.jobs.kind import JobKind
from service.jobs.running import Runner, checkpoints
from service.jobs.sweeping import forget_details, remove_leftovers, remove_untouched, sweep
from service.metrics import Metrics
from service.services import Services, open_services
from service.settings import Settings
from service.tables import jobs


class Nothing(BaseModel):
    """No request."""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(Settings(data=tmp_path), Metrics())
    yield opened
    opened.close()


def run(
    services: Services, does: Any, *, id: str | None = None, stopping: Any = lambda: False
) -> tuple[str, list[str]]:
    """Run a job that is a function of its context; its id, and the ids that were put back."""
    id = id or services.jobs.submit("k", Nothing(), announce=False).id
    put_back: list[str] = []
    kinds = {"k": JobKind("k", Nothing, lambda context, _: does(context))}
    runner = Runner(services, services.store, kinds, worker="w", stopping=lambda: False, put_back=put_back.append)
    assert runner.run(id)
    assert not runner.run(id) or put_back
    return id, put_back


def until_stopped(context: JobContext) -> dict[str, Any]:
    (context.folder / "kept").touch()
    while True:
        context.check()
        time.sleep(0.01)


def test_a_job_is_given_what_it_needs(services: Services) -> None:
    seen: dict[str, Any] = {}

    def does(context: JobContext) -> dict[str, Any]:
        seen.update(id=context.job_id, pool=context.pool, attempt=context.attempt, there=context.folder.is_dir())
        context.progress("a", 0, 2, loss=float("nan"), metric=0.5)
        context.log("x" * 20_000)
        return {"when": utc_now()}

    id, _ = run(services, does)
    assert seen == {"id": id, "pool": None, "attempt": 1, "there": True}
    job = services.jobs.get(id)
    assert job.progress is not None
    assert job.progress.figures == {"metric": 0.5}  # JSON has no NaN
    assert len(services.jobs.events(id, event="log")[0].text or "") == 10_000


def test_a_stopping_worker_puts_its_job_back_with_its_checkpoints(services: Services) -> None:
    told: list[bool] = []

    def stopping() -> bool:
        told.append(True)
        return True

    id = services.jobs.submit("k", Nothing(), announce=False).id
    put_back: list[str] = []
    kinds = {"k": JobKind("k", Nothing, lambda context, _: until_stopped(context))}
    runner = Runner(services, services.store, kinds, worker="w", stopping=stopping, put_back=put_back.append)
    assert runner.run(id)
    assert (put_back, services.jobs.get(id).state, bool(told)) == ([id], "queued", True)
    assert (checkpoints(services.settings.data, id) / "kept").exists()


def test_a_job_keeps_its_claim_for_longer_than_a_worker_may_be_silent(tmp_path: Path) -> None:
    services = open_services(Settings(data=tmp_path, job_stale_seconds=1.2), Metrics())

    def does(context: JobContext) -> dict[str, Any]:
        until = time.monotonic() + 2 * services.settings.job_stale_seconds
        while time.monotonic() < until:
            context.check()
            assert claim(services.store, context.job_id, "other", services.settings.job_stale_seconds) is None
            time.sleep(0.01)
        return {}

    id, _ = run(services, does)
    assert services.jobs.get(id).state == "succeeded"
    services.close()


def test_a_job_that_another_took_ends_silently(services: Services) -> None:
    def does(context: JobContext) -> dict[str, Any]:
        assert claim(services.store, context.job_id, "other", -1) is not None
        return until_stopped(context)

    id, put_back = run(services, does)
    job = services.jobs.get(id)
    assert (job.state, job.worker, job.attempt, put_back) == ("running", "other", 2, [])


def test_a_result_that_comes_when_another_has_the_job_is_not_recorded(services: Services) -> None:
    def does(context: JobContext) -> dict[str, Any]:
        assert claim(services.store, context.job_id, "other", -1) is not None
        return {"late": True}

    id, _ = run(services, does)
    assert (services.jobs.get(id).state, services.jobs.get(id).result) == ("running", None)
    assert checkpoints(services.settings.data, id).exists()  # the other one needs them


def test_a_job_that_kills_its_workers_is_given_up(services: Services) -> None:
    id = services.jobs.submit("k", Nothing(), announce=False).id
    for number in range(4):
        assert claim(services.store, id, f"dead-{number}", -1) is not None
    with services.store.writing() as connection:
        connection.execute(update(jobs).values(heartbeat_at=utc_now() - timedelta(hours=1)))
    run(services, lambda _context: pytest.fail("it is not begun again"), id=id)
    job = services.jobs.get(id)
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], "4 times" in job.error["detail"]) == ("job_abandoned", True)
    services.jobs.retry(id)
    run(services, lambda _context: {}, id=id)
    assert services.jobs.get(id).state == "succeeded"


def test_a_job_that_was_to_stop_when_its_worker_died_is_not_begun_again(services: Services) -> None:
    id = services.jobs.submit("k", Nothing(), announce=False).id
    held = claim(services.store, id, "dead", 3600)
    assert held is not None
    services.jobs.cancel(id)
    assert held.release()
    run(services, lambda _context: pytest.fail("it is not begun again"), id=id)
    assert services.jobs.get(id).state == "cancelled"


def test_a_job_may_end_itself(services: Services) -> None:
    def does(_context: JobContext) -> dict[str, Any]:
        raise JobCancelledError("enough")

    id, _ = run(services, does)
    assert services.jobs.get(id).state == "cancelled"


def test_the_sweep_announces_what_no_message_speaks_of(services: Services) -> None:
    silent = services.jobs.submit("k", Nothing(), announce=False).id
    services.jobs.submit("k", Nothing())
    dead = services.jobs.submit("k", Nothing(), announce=False).id
    held = services.jobs.submit("k", Nothing(), announce=False).id
    for id in (dead, held):
        assert claim(services.store, id, "w", 3600) is not None
    with services.store.writing() as connection:
        silence = utc_now() - timedelta(seconds=60)
        connection.execute(update(jobs).where(jobs.c.id == dead).values(heartbeat_at=silence))
    assert set(sweep(services.store, services.queue, 30)) == {silent, dead}
    assert sweep(services.store, services.queue, 30) == []


def test_without_a_broker_jobs_are_taken_in_and_announced_later(tmp_path: Path) -> None:
    nowhere = Settings(data=tmp_path, redis_url=f"unix://{tmp_path}/no-redis")
    services = open_services(nowhere, Metrics())
    job = services.jobs.submit("k", Nothing())
    assert services.jobs.get(job.id).state == "queued"
    assert sweep(services.store, services.queue, 30) == []
    services.close()


def test_checkpoints_are_kept_for_a_week(services: Services) -> None:
    folder = services.settings.data / "jobs"
    ids = {name: services.jobs.submit("k", Nothing()).id for name in ("queued", "failed", "old")}
    for id in (ids["failed"], ids["old"]):
        services.jobs.cancel(id)
    with services.store.writing() as connection:
        long_ago = utc_now() - timedelta(days=8)
        connection.execute(update(jobs).where(jobs.c.id == ids["old"]).values(finished_at=long_ago))
    for name in (*ids.values(), "of nobody"):
        (folder / name).mkdir()
    remove_leftovers(services.store, folder)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {ids["queued"], ids["failed"]}


def test_details_of_jobs_that_ended_long_ago_are_forgotten_and_nothing_else(services: Services) -> None:
    def does(context: JobContext) -> dict[str, Any]:
        context.log("a line")
        return {"done": True}

    old, lately = run(services, does)[0], run(services, does)[0]
    retried = run(services, does)[0]
    with services.store.writing() as connection:
        for id in (old, retried):
            long_ago = utc_now() - timedelta(days=8)
            connection.execute(update(jobs).where(jobs.c.id == id).values(finished_at=long_ago, state="failed"))
    services.jobs.retry(retried)
    before = {id: services.jobs.events(id, after=0, limit=99) for id in (old, lately, retried)}
    assert "log" in {each.event for each in before[old]}
    assert forget_details(services.store, 0) == 0
    assert forget_details(services.store, 7, lambda: True) == 0, "a worker that ends leaves it to the next"
    assert forget_details(services.store, 7) == 1
    assert forget_details(services.store, 7) == 0
    after = {id: services.jobs.events(id, after=0, limit=99) for id in (old, lately, retried)}
    states = [each for each in before[old] if each.event == "state"]
    assert after == {**before, old: states}
    assert services.jobs.get(old).result == {"done": True}
    services.jobs.retry(old)
    assert services.jobs.events(old, after=0, limit=99)[-1].number == before[old][-1].number + 1


def test_a_job_waits_for_nothing_when_its_process_slept(services: Services) -> None:
    def does(context: JobContext) -> dict[str, Any]:
        watch = context._check.__self__  # type: ignore[attr-defined]
        watch._beat -= 100  # as if this process had been frozen for so many seconds
        assert context.stopped()
        context.check()
        return {}

    id, _ = run(services, does)
    assert services.jobs.get(id).state == "running"  # for whoever takes it over
    assert sweep(services.store, services.queue, -1) == [id]


def test_no_two_workers_have_the_same_name() -> None:
    from service.jobs.worker import worker_name

    assert worker_name() != worker_name()
    assert f":{os.getpid()}:" in worker_name()


def test_a_worker_finishes_the_removals_of_who_died_over_them(services: Services, tmp_path: Path) -> None:
    pool = services.pools.create("p", "e", "f" * 64, 4)
    with services.pools._catalog.writing() as connection:
        remove_pool(connection, pool.key)
    folder = tmp_path / "pools" / pool.key
    folder.mkdir(exist_ok=True)
    worker._sweep(services, SimpleNamespace(wait=lambda _: True, is_set=lambda: False))  # type: ignore[arg-type]
    assert not folder.exists()


def test_a_worker_whose_disk_refuses_goes_on_and_can_be_stopped(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CatalogUnavailableError("it can't be written")

    told: list[object] = []
    monkeypatch.setattr(services.pools, "finish_removals", refuse)
    monkeypatch.setattr(worker, "remove_leftovers", lambda *of: told.append(of))
    monkeypatch.setattr(worker, "sweep", lambda *_: told.append("sweep"))
    turns = iter([False, True])
    worker._sweep(services, SimpleNamespace(wait=lambda _: next(turns), is_set=lambda: False))  # type: ignore[arg-type]
    assert [each == "sweep" for each in told] == [True, False, True]


@pytest.mark.parametrize(("every", "times"), [(0.0, 3), (3600.0, 1)])
def test_a_worker_that_runs_for_months_removes_leftovers_too(
    every: float, times: int, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(worker, "_CLEAN_EVERY_S", every)
    monkeypatch.setattr(worker, "remove_leftovers", lambda *of: told.append(of))
    turns = iter([False, False, True])
    worker._sweep(services, SimpleNamespace(wait=lambda _: next(turns), is_set=lambda: False))  # type: ignore[arg-type]
    assert len(told) == times


def test_files_that_nobody_has_touched_for_long_are_removed_and_no_others(tmp_path: Path) -> None:
    old, lately, kept = (tmp_path / "answers" / name for name in ("ab/old.reply", "ab/lately.reply", "cd/temporary"))
    elsewhere = tmp_path / "elsewhere"
    long_ago = time.time() - timedelta(days=8).total_seconds()
    for path in (old, lately, kept, elsewhere):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("what was said")
        os.utime(path, (long_ago, long_ago))
    os.utime(lately)
    link = tmp_path / "answers" / "link"
    link.symlink_to(elsewhere)
    os.utime(link, (long_ago, long_ago), follow_symlinks=False)
    answers = tmp_path / "answers"
    assert remove_untouched(tmp_path / "none", 7) == 0
    assert remove_untouched(answers, 0) == 0
    assert remove_untouched(answers, 9) == 0
    assert remove_untouched(answers, 7, lambda: True) == 0, "a worker that ends leaves it to the next"
    assert remove_untouched(answers, 7) == 3
    assert remove_untouched(answers, 7) == 0
    assert [path for path in answers.rglob("*") if not path.is_dir()] == [lately]
    assert elsewhere.read_text() == "what was said", "a link is removed, not what it leads to"
