"""Real workers, with both brokers: killed, frozen, stopped, racing; each job is done once, from where it was."""

from __future__ import annotations

import signal
import threading
import time
from types import SimpleNamespace

import pytest

from invariantselect.errors import JobStateError
from service.jobs import worker as real
from service.settings import Settings
from tests.service.jobs.kinds import Fails, Marks
from tests.service.jobs.place import Place, wait_until

ALL = [str(number) for number in range(10)]


def test_a_job_is_done_told_about_and_tidied_up_after(place: Place) -> None:
    place.worker()
    place.open_gate()
    job = place.steps()
    ended = place.wait_for(job.id)
    assert place.lines() == ALL
    assert (ended.result, ended.attempt, ended.error) == ({"began_at": 0}, 1, None)
    assert ended.created_at <= ended.started_at <= ended.finished_at  # type: ignore[operator]
    assert ended.progress is not None
    assert (ended.progress.phase, ended.progress.done, ended.progress.total) == ("stepping", 10, 10)
    events = place.jobs.events(job.id)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.state for event in events if event.event == "state"] == ["queued", "running", "succeeded"]
    assert [event.text for event in events if event.event == "log"] == ["begins at 0"]
    assert next(e.progress.figures for e in events if e.progress is not None) == {"loss": 1.0}
    assert not (place.settings.data / "jobs" / job.id).exists()


def test_a_killed_worker_s_job_is_taken_over_and_goes_on_from_its_checkpoint(place: Place) -> None:
    first = place.worker()
    job = place.steps()
    held = place.wait_for_gate(job.id)
    first.send_signal(signal.SIGKILL)
    first.wait()
    place.open_gate()
    place.worker()
    ended = place.wait_for(job.id)
    assert place.lines() == ALL  # nothing twice
    assert (ended.result, ended.attempt) == ({"began_at": 5}, 2)
    assert ended.worker != held.worker
    assert [line.text for line in place.jobs.events(job.id, event="log")] == ["begins at 0", "begins at 5"]


def test_a_frozen_worker_s_job_is_taken_over_and_what_it_does_on_waking_doesn_t_count(place: Place) -> None:
    first = place.worker()
    job = place.steps()
    place.wait_for_gate(job.id)
    first.send_signal(signal.SIGSTOP)
    place.worker()
    wait_until(lambda: place.jobs.get(job.id).attempt == 2)
    first.send_signal(signal.SIGCONT)
    place.open_gate()
    ended = place.wait_for(job.id)
    assert (ended.result, ended.attempt) == ({"began_at": 5}, 2)
    assert place.lines() == ALL
    follow_up = place.jobs.submit("marks", Marks(file=place.effects))
    place.wait_for(follow_up.id)  # the one that woke is none the worse for it
    assert place.jobs.get(job.id) == ended


def test_a_worker_that_is_told_to_stop_puts_its_job_back(place: Place) -> None:
    first = place.worker()
    job = place.steps()
    place.wait_for_gate(job.id)
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    assert place.jobs.get(job.id).state == "queued"
    place.open_gate()
    place.worker()
    assert place.wait_for(job.id).attempt == 2
    assert place.lines() == ALL


def test_workers_that_race_for_jobs_do_each_of_them_once(place: Place) -> None:
    handed_in = [place.jobs.submit("marks", Marks(file=place.effects)).id for _ in range(60)]
    for _ in range(2):
        for id in handed_in:
            place.services.queue.announce(id)  # a broker may say things more than once
    workers = [place.worker(), place.worker()]
    wait_until(lambda: len(place.jobs.page(limit=100, state="succeeded")) == 60)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(20) for worker in workers] == [0, 0]
    assert sorted(place.lines()) == sorted(handed_in)
    assert {place.jobs.get(id).attempt for id in handed_in} == {1}


def test_a_cancelled_job_stops_within_seconds_and_goes_on_when_it_is_retried(place: Place) -> None:
    place.worker()
    job = place.steps()
    place.wait_for_gate(job.id)
    began = time.monotonic()
    asked = place.jobs.cancel(job.id)
    assert (asked.state, asked.cancel_requested) == ("running", True)
    place.wait_for(job.id, "cancelled")
    assert time.monotonic() - began < 5
    assert place.jobs.cancel(job.id).state == "cancelled"  # twice is once
    with pytest.raises(JobStateError, match="can't be retried"):
        place.jobs.retry(place.steps().id)
    place.open_gate()
    again = place.jobs.retry(job.id)
    assert (again.state, again.cancel_requested, again.finished_at) == ("queued", False, None)
    assert place.wait_for(job.id).result == {"began_at": 5}
    assert place.jobs.events(job.id)[-1].state == "succeeded"


def test_a_job_that_nobody_runs_is_cancelled_at_once(place: Place) -> None:
    job = place.steps()
    assert place.jobs.cancel(job.id).state == "cancelled"
    follow_up = place.jobs.submit("marks", Marks(file=place.effects))
    place.worker()
    place.wait_for(follow_up.id)
    assert place.lines() == [follow_up.id]
    with pytest.raises(JobStateError, match="succeeded"):
        place.jobs.cancel(follow_up.id)


def test_a_broker_that_lost_everything_loses_no_job(place: Place) -> None:
    handed_in = [place.jobs.submit("marks", Marks(file=place.effects)).id for _ in range(3)]
    place.services.queue._huey.storage.flush_queue()
    assert place.services.queue.announced() == set()
    place.services.queue._huey.storage.enqueue(b"not the id of a job")
    place.services.queue.announce("0" * 24)  # nor is this one's job in the table
    place.worker()
    for id in handed_in:
        place.wait_for(id)
    assert sorted(place.lines()) == sorted(handed_in)
    assert (place.settings.data / "jobs" / "queue.sqlite3").exists() == (place.settings.redis_url is None)


def test_a_sweep_that_fails_is_told_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stopped, looks, removals = threading.Event(), [], []

    def sweep(*_: object) -> int:
        looks.append(1)
        if len(looks) == 3:
            stopped.set()
        raise OSError(116, "Stale file handle")

    def finish_removals(_: object) -> None:
        removals.append(1)

    monkeypatch.setattr(real, "sweep", sweep)
    monkeypatch.setattr(real, "_clean_up", lambda *_: 1 / 0)
    pools = SimpleNamespace(finish_removals=finish_removals)
    services = SimpleNamespace(store=None, queue=None, pools=pools, settings=Settings(job_stale_seconds=0.2))
    real._sweep(services, stopped)  # type: ignore[arg-type]
    assert (len(looks), len(removals)) == (3, 3)  # neither waits for the other
    assert caplog.text.count("ZeroDivisionError") >= 1
    assert caplog.text.count("Stale file handle") >= 3


def test_a_job_that_fails_says_why_and_its_worker_goes_on(place: Place) -> None:
    place.worker()
    foreseen = place.jobs.submit("fails", Fails())
    not_foreseen = place.jobs.submit("fails", Fails(foreseen=False))
    unknown = place.jobs.submit("of another version", Fails())
    error = place.wait_for(foreseen.id, "failed").error
    assert error is not None
    assert (error["code"], error["hint"], error["line"]) == ("manifest_invalid", "Write a better one.", 7)
    error = place.wait_for(not_foreseen.id, "failed").error
    assert error is not None
    assert (error["code"], "ZeroDivisionError" in error["detail"]) == ("internal_error", True)
    assert "secret" not in str(error)
    error = place.wait_for(unknown.id, "failed").error
    assert error is not None
    assert "of another version" in error["detail"]
