"""A server that is told to stop while it is used: who was let in gets an answer, and jobs go to somebody else."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import psutil
import pytest

from invariantselect import Client
from tests.service.jobs.place import PATIENCE, ROOT, wait_until
from tests.service.pictures import data_uri, png

SERVER = """
import os, sys, time
from encoders import catalog
from tests.fakes.pixel_encoder import PixelEncoder
seconds = float(sys.argv.pop(1)) if __name__ == "__main__" else 0.2
class Slow(PixelEncoder):
    def preprocess(self, image):
        if os.path.exists(os.environ["INVARIANTSELECT_DATA"] + "/slow"):
            time.sleep(seconds)
        return super().preprocess(image)
catalog.load_encoder = lambda name, **_: Slow()
if __name__ == "__main__":
    from service.cli import main
    main()
"""

Start = Callable[..., tuple[subprocess.Popen[str], httpx2.Client]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts ``invariantselect serve`` over the pool ``p``, with an encoder that takes its time once that is there."""
    script = tmp_path / "slow_server.py"
    script.write_text(SERVER)
    started: list[tuple[subprocess.Popen[str], httpx2.Client]] = []

    def begin(seconds: float, **settings: object) -> tuple[subprocess.Popen[str], httpx2.Client]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INVARIANTSELECT_")}
        given = {"data": tmp_path / "data", "encoder": "pixel-16-0", "embedded_worker": "false", **settings}
        told = {f"INVARIANTSELECT_{name.upper()}": str(value) for name, value in given.items()}
        environment = {**kept, **told, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, str(script), str(seconds), "serve", "--port", "0"]
        log = tmp_path / f"server-{len(started)}.log"  # a pipe that nobody reads would stop the server
        with log.open("w") as stderr:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, text=True, stderr=stderr)
        wait_until(lambda: re.search(r"at (http://[^ ]+) ", log.read_text()))
        http = httpx2.Client(base_url=re.findall(r"at (http://[^ ]+) ", log.read_text())[0], timeout=PATIENCE)
        started.append((process, http))
        wait_until(lambda: http.get("/readyz").status_code == 200)
        if http.get("/v1/pools/p").status_code == 404:
            http.post("/v1/pools", json={"name": "p"}).raise_for_status()
            sent = [{"id": str(number), "image": data_uri(number), "label": f"l{number % 2}"} for number in range(40)]
            http.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent}).raise_for_status()
        (tmp_path / "data" / "slow").touch()
        return process, http

    yield begin
    for process, http in started:
        http.close()
        process.kill()
        process.wait()


def errors_in(log: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] == "error"]


def requests_inside(http: httpx2.Client) -> int:
    found = re.search(r"^invariantselect_engine_requests (\d+)", http.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return int(found[1])


class Users:
    """Threads that select by ever new images over kept connections, until nobody listens any more."""

    def __init__(self, url: str, count: int, until: Callable[[], bool] = lambda: False) -> None:
        self._url = url
        self._until = until
        self.statuses: list[int] = []
        self.broken: list[BaseException] = []
        self.asked_to_leave = 0
        self._threads = [threading.Thread(target=self._use, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _use(self, user: int) -> None:
        with httpx2.Client(base_url=self._url, timeout=PATIENCE) as http:
            for number in range(100_000):
                if self._until():
                    return
                image = png(1000 + 200 * user + number)
                try:
                    answer = http.post("/v1/pools/p/select", content=image, headers={"content-type": "image/png"})
                except httpx2.ConnectError:
                    return  # nobody was let in
                except httpx2.HTTPError as error:
                    self.broken.append(error)
                    return
                self.statuses.append(answer.status_code)
                self.asked_to_leave += answer.headers.get("connection") == "close"


def test_under_load_everybody_who_was_let_in_is_answered(start: Start, tmp_path: Path) -> None:
    process, http = start(0.02, shutdown_delay_seconds=4)  # each kept connection is told to close in that time
    users = Users(str(http.base_url), 8)
    wait_until(lambda: len(users.statuses) > 20)
    process.send_signal(signal.SIGTERM)
    users.join()
    assert process.wait(PATIENCE) == 0
    assert users.broken == []
    assert set(users.statuses) == {200}
    assert users.asked_to_leave
    assert errors_in(tmp_path / "server-0.log") == []


def test_a_server_says_at_once_that_it_goes_and_answers_while_a_balancer_notices(start: Start) -> None:
    process, http = start(0.02, shutdown_delay_seconds=5)
    gone = threading.Event()
    users = Users(str(http.base_url), 4, until=gone.is_set)
    wait_until(lambda: len(users.statuses) > 8)
    process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    wait_until(lambda: http.get("/readyz").status_code == 503)
    assert time.monotonic() - told < 4
    assert http.get("/livez").status_code == 200
    assert re.search(r"^invariantselect_ready 0", http.get("/metrics").text, re.MULTILINE)
    before = len(users.statuses)
    wait_until(lambda: len(users.statuses) > before)  # let in after it was told
    gone.set()
    users.join()
    assert (users.broken, set(users.statuses)) == ([], {200})
    assert process.wait(PATIENCE) == 0
    assert time.monotonic() - told >= 5


def test_a_second_signal_ends_the_waiting_and_whoever_waits_is_told(start: Start) -> None:
    process, http = start(0.25, workers=1, shutdown_delay_seconds=60)
    slow = {"input": [data_uri(5000 + number) for number in range(20)]}
    answers: list[httpx2.Response] = []

    def embed() -> None:
        answers.append(httpx2.post(f"{http.base_url}/v1/embeddings", json=slow, timeout=PATIENCE))

    threads = [threading.Thread(target=embed) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: requests_inside(http) == 2)
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: http.get("/readyz").status_code == 503)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0  # what runs ends its piece of work; what waits isn't begun
    assert time.monotonic() - began < 45  # and not 60
    for thread in threads:
        thread.join(PATIENCE)
    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.json()["code"] for answer in answers} == {"not_ready"}
    assert all(answer.headers["retry-after"] for answer in answers)


def test_a_second_signal_ends_the_process_beneath_a_write_that_waits(start: Start, tmp_path: Path) -> None:
    process, http = start(0, shutdown_delay_seconds=60, shutdown_seconds=1)
    answers: list[httpx2.Response] = []

    def patch() -> None:
        path = f"{http.base_url}/v1/pools/p/demonstrations/1"
        answers.append(httpx2.patch(path, json={"label": "new"}, timeout=PATIENCE))

    with closing(sqlite3.connect(tmp_path / "data" / "catalog.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # SQLite lets the server wait for 30 s
        thread = threading.Thread(target=patch)
        thread.start()
        connections = psutil.Process(process.pid).net_connections
        wait_until(lambda: sum(each.status == psutil.CONN_ESTABLISHED for each in connections()) > 1)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: http.get("/readyz").status_code == 503)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(PATIENCE) == 1
        assert time.monotonic() - began < 20
        thread.join(PATIENCE)
    assert [answer.status_code for answer in answers] == [503]
    assert "threads_left_behind" in (tmp_path / "server-0.log").read_text()


def test_a_stream_ends_with_a_last_event_and_goes_on_at_the_next_server(start: Start) -> None:
    process, http = start(0.0)
    job = http.post("/v1/pools/p/rebuild").raise_for_status().json()["id"]  # and nobody does it
    lines: list[str] = []
    stands = threading.Event()

    def follow() -> None:
        with httpx2.stream("GET", f"{http.base_url}/v1/jobs/{job}/events", timeout=PATIENCE) as response:
            for line in response.iter_lines():
                lines.append(line)
                if "queued" in line:
                    stands.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert stands.wait(PATIENCE)
    process.send_signal(signal.SIGTERM)
    thread.join(PATIENCE)
    assert lines[-3:] == ["event: closing", 'data: {"event": "closing"}', ""]
    assert process.wait(PATIENCE) == 0

    port = http.base_url.port
    _, again = start(0.0, embedded_worker="true", port=port)
    with Client(str(again.base_url)) as client:
        assert [event.state for event in client.job_events(job)][-1] == "succeeded"


def test_a_job_goes_back_into_the_queue_before_the_server_ends(start: Start) -> None:
    process, http = start(0.2, embedded_worker="true")
    job = http.post("/v1/pools/p/rebuild").raise_for_status().json()["id"]
    wait_until(lambda: (http.get(f"/v1/jobs/{job}").json().get("progress") or {}).get("phase") == "encoding")
    # Python's own tracker of resources ends a moment after whom it tracks for.
    workers = [each for each in psutil.Process(process.pid).children() if "resource_tracker" not in str(each.cmdline())]
    assert len(workers) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    _, again = start(0.0)
    found = again.get(f"/v1/jobs/{job}").json()
    assert (found["state"], found.get("worker")) == ("queued", None)
    assert again.get(f"/v1/jobs/{job}/log").json()["lines"] == []
