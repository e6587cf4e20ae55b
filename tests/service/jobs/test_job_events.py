"""Server-sent events over a real socket: as it happens, from where one was, and to the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest

from invariantselect import Client
from invariantselect.errors import UnauthenticatedError
from invariantselect.wire.jobs import JobEvent, JobProgress, RebuildRequest
from service.access.keys import create_key, revoke_key
from service.app import create_app
from service.jobs import streaming
from service.jobs.claims import Claim, claim
from service.settings import Settings
from tests.service.conftest import load_pixel_encoder
from tests.service.http.test_problems import check_problem
from tests.service.live_server import live


@contextmanager
def running(data: Path, auth: Literal["auto", "on"] = "auto") -> Iterator[tuple[str, Claim, Any]]:
    """The address of a server, a job that the test runs itself, and the app."""
    app = create_app(Settings(data=data, encoder="pixel-16-0", auth=auth), load_encoder=load_pixel_encoder)
    with live(app) as url:
        services = app.state.services
        held = claim(services.store, services.jobs.submit("rebuild", RebuildRequest()).id, "test", 3600)
        assert held is not None
        yield url, held, app


def read(
    url: str, id: str, *, last: int | None = None, most: int = 99, each: Callable[[JobEvent], object] = lambda _: None
) -> list[JobEvent]:
    """Events of one connection, at most so many; `each` is told of them as they come."""
    headers = {} if last is None else {"last-event-id": str(last)}
    found: list[JobEvent] = []
    with httpx2.stream("GET", f"{url}/v1/jobs/{id}/events", headers=headers, timeout=20) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if line or "data" not in fields:
                continue
            if fields["event"] == "closing":  # of the server, not of the job
                assert "id" not in fields
                break
            found.append(JobEvent.model_validate_json(fields["data"]))
            assert (fields["id"], fields["event"]) == (str(found[-1].number), found[-1].event)
            fields.clear()
            each(found[-1])
            if len(found) == most:
                break
    return found


def test_events_come_as_they_happen_until_the_job_ends(tmp_path: Path) -> None:
    with running(tmp_path) as (url, held, _):
        seen: list[JobEvent] = []
        came = threading.Condition()

        def follow() -> None:
            with Client(url) as client:
                for event in client.job_events(held.job.id):
                    with came:
                        seen.append(event)
                        came.notify()

        thread = threading.Thread(target=follow)
        thread.start()

        def wait_for(count: int) -> None:
            with came:
                assert came.wait_for(lambda: len(seen) >= count, timeout=20)

        wait_for(2)
        held.progress(JobProgress(phase="encoding", done=1, total=2))
        wait_for(3)
        held.log("a line\nand another")
        wait_for(4)
        held.succeed({})
        thread.join(20)
        assert not thread.is_alive()
        assert [event.state for event in seen] == ["queued", "running", None, None, "succeeded"]
        assert seen[2].progress == JobProgress(phase="encoding", done=1, total=2)
        assert seen[3].text == "a line\nand another"


def test_a_lost_connection_goes_on_behind_its_last_event(tmp_path: Path) -> None:
    with running(tmp_path) as (url, held, _):
        for number in range(5):
            held.log(str(number))
        first = read(url, held.job.id, most=4)
        held.succeed({})
        rest = read(url, held.job.id, last=first[-1].number)
        assert [event.number for event in [*first, *rest]] == list(range(1, 9))
        over = httpx2.get(f"{url}/v1/jobs/{held.job.id}/events", headers={"last-event-id": "8"})
        assert (over.status_code, over.content) == (204, b"")
        beyond = httpx2.get(f"{url}/v1/jobs/{held.job.id}/events", headers={"last-event-id": "99"})
        assert beyond.status_code == 204
        broken = httpx2.get(f"{url}/v1/jobs/{held.job.id}/events", headers={"last-event-id": "x"})
        assert broken.json()["code"] == "invalid_request"


def test_a_job_that_was_retried_is_told_past_its_first_end(tmp_path: Path) -> None:
    with running(tmp_path) as (url, held, app):
        services = app.state.services
        held.fail({"code": "internal_error"})
        assert [event.state for event in read(url, held.job.id)] == ["queued", "running", "failed"]
        services.jobs.retry(held.job.id)
        again = claim(services.store, held.job.id, "test", 3600)
        assert again is not None
        again.succeed({})
        with Client(url) as client:
            states = [event.state for event in client.job_events(held.job.id)]
        assert states == ["queued", "running", "failed", "queued", "running", "succeeded"]


def test_a_silent_job_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_SIGN_OF_LIFE_SECONDS", 0.1)
    with (
        running(tmp_path) as (url, held, _),
        httpx2.stream("GET", f"{url}/v1/jobs/{held.job.id}/events", timeout=20) as response,
    ):
        lines = response.iter_lines()
        assert any(line.startswith(":") for line in lines)


def test_there_are_so_many_followers_and_a_place_is_free_again_when_one_is_gone(tmp_path: Path) -> None:
    with running(tmp_path) as (url, held, app):
        app.state.followers = streaming.Followers(most=1)
        where = f"{url}/v1/jobs/{held.job.id}/events"
        with httpx2.stream("GET", where, timeout=20) as response:
            lines = response.iter_lines()  # kept: the connection ends with them
            assert next(lines).startswith("retry:")
            refused = httpx2.get(where)
            check_problem(refused, 429, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
        held.succeed({})
        deadline = time.monotonic() + 20
        while httpx2.get(where, timeout=20).status_code == 429:  # until it is noticed that the first is gone
            assert time.monotonic() < deadline


def test_a_server_that_stops_doesn_t_wait_for_a_stream(tmp_path: Path) -> None:
    with running(tmp_path) as (url, held, app):
        stopped: list[float] = []

        def stop(event: JobEvent) -> None:
            if event.state == "running":  # the stream stands now, and waits
                app.state.closing.set()
                stopped.append(time.monotonic())

        assert [event.state for event in read(url, held.job.id, each=stop)] == ["queued", "running"]
        assert time.monotonic() - stopped[0] < 5


def test_a_stream_ends_with_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_ADMITTED_SECONDS", 0.01)
    with running(tmp_path, auth="on") as (url, held, app):
        store = app.state.services.store
        ends, stays = create_key(store, "read"), create_key(store, "read")
        told: dict[str, list[int]] = {}
        heard = threading.Condition()

        def follow(secret: str) -> None:
            with Client(url, api_key=secret) as client:
                for event in client.job_events(held.job.id):
                    with heard:
                        told.setdefault(secret, []).append(event.number)
                        heard.notify()

        def wait_for(secret: str, last: int) -> None:
            with heard:
                assert heard.wait_for(lambda: told.get(secret, [0])[-1] == last, timeout=20)

        with ThreadPoolExecutor(2) as threads:
            cut, whole = threads.submit(follow, ends.secret), threads.submit(follow, stays.secret)
            wait_for(ends.secret, 2)
            held.log("both are told")  # asked anew since, and let go on
            wait_for(ends.secret, 3)
            revoke_key(store, ends.key.id)
            with pytest.raises(UnauthenticatedError):
                cut.result(20)
            held.log("of one key")
            held.succeed({})
            whole.result(20)
        assert told == {ends.secret: [1, 2, 3], stays.secret: [1, 2, 3, 4, 5]}


def test_a_client_waits_and_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as (url, held, _), Client(url) as client:
        held.progress(JobProgress(phase="encoding", done=1, total=2))
        threading.Timer(0.5, held.succeed, [{"images": 2}]).start()
        told: list[JobProgress] = []
        assert client.wait_for_job(held.job.id, on_progress=told.append, timeout=20).result == {"images": 2}
        assert [progress.done for progress in told] == [1]
        held.log("too late")
        assert client.job_log(held.job.id) == []
        assert [job.id for job in client.jobs(state="succeeded")] == [held.job.id]


def test_an_event_is_one_line_of_data_to_every_reader_of_lines() -> None:
    progress = JobProgress(phase="fine-tuning, without scanner\u2028A\u2029B\x85C\r\n", done=1, total=2)
    event = JobEvent(number=1, event="progress", at=datetime.now(UTC), attempt=1, progress=progress)
    *_, data, end = streaming._lines(event).decode().splitlines()
    assert end == ""
    assert JobEvent.model_validate_json(data.removeprefix("data: ")) == event
