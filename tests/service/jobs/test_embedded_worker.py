"""A server as a process of its own, and the worker that it starts: both do their work, and end together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.forked_process import ForkedProcess
from tests.service.jobs.place import PATIENCE, ROOT, wait_until
from tests.service.pictures import data_uri

Serve = Callable[..., tuple[subprocess.Popen[str], httpx2.Client]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[tuple[subprocess.Popen[str], httpx2.Client]] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it

    def begin(**settings: str) -> tuple[subprocess.Popen[str], httpx2.Client]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INVARIANTSELECT_")}
        given = {f"INVARIANTSELECT_{name.upper()}": value for name, value in settings.items()}
        environment = {
            **kept,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}",
            "PYTHONUNBUFFERED": "1",
            "INVARIANTSELECT_DATA": str(tmp_path / "data"),
            "INVARIANTSELECT_ENCODER": "pixel-16-0",
            "INVARIANTSELECT_LOG_LEVEL": "error",
            **given,
        }
        command = [sys.executable, "-m", "tests.service.cli.with_pixel_encoder", "0", "serve", "--port", "0"]
        process = ForkedProcess(command, env=environment, cwd=ROOT, text=True, stderr=subprocess.PIPE)
        assert process.stderr is not None
        told = re.search(r"at (http://[^ ]+) ", process.stderr.readline())
        assert told is not None
        started.append((process, httpx2.Client(base_url=told[1], timeout=PATIENCE)))
        return started[-1]

    yield begin
    signal.signal(signal.SIGINT, before)
    for process, http in started:
        http.close()
        process.kill()
        process.communicate()


def worker_of(server: subprocess.Popen[str]) -> psutil.Process | None:
    children = psutil.Process(server.pid).children()
    return next((child for child in children if "spawn_main" in " ".join(child.cmdline())), None)


def running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def finished(http: httpx2.Client, job: str) -> bool:
    return bool(http.get(f"/v1/jobs/{job}").json()["finished_at"])


def fill_and_rebuild(http: httpx2.Client) -> str:
    if http.get("/v1/pools/p").status_code == 404:
        http.post("/v1/pools", json={"name": "p"}).raise_for_status()
        sent = [{"id": str(number), "image": data_uri(number), "label": "x"} for number in range(3)]
        http.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent}).raise_for_status()
    id: str = http.post("/v1/pools/p/rebuild").raise_for_status().json()["id"]
    return id


def test_a_server_does_its_jobs_and_takes_its_worker_along(serve: Serve) -> None:
    server, http = serve()
    first = fill_and_rebuild(http)
    wait_until(lambda: finished(http, first))
    assert http.get(f"/v1/jobs/{first}").json()["result"]["images"] == 3

    worker = worker_of(server)
    assert worker is not None
    assert worker.nice() == min(19, psutil.Process(server.pid).nice() + 10)  # queries come first
    worker.kill()  # and it gets another one
    second = fill_and_rebuild(http)
    wait_until(lambda: finished(http, second))
    another = worker_of(server)
    assert another is not None
    assert another.pid != worker.pid

    began = time.monotonic()
    with http.stream("GET", f"/v1/jobs/{fill_and_rebuild(http)}/events"):
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 130
    assert time.monotonic() - began < 10
    assert not running(another)
    assert server.stderr is not None
    assert "Traceback" not in server.stderr.read()


def test_a_worker_ends_when_its_server_is_killed(serve: Serve) -> None:
    server, http = serve()
    job = fill_and_rebuild(http)
    wait_until(lambda: finished(http, job))
    worker = worker_of(server)
    assert worker is not None
    server.kill()
    wait_until(lambda: not running(worker))


def test_a_server_that_stops_while_its_worker_starts_leaves_none_behind(serve: Serve) -> None:
    server, _ = serve()
    wait_until(lambda: worker_of(server))
    worker = worker_of(server)
    assert worker is not None
    server.send_signal(signal.SIGTERM)
    server.wait(20)
    wait_until(lambda: not running(worker))


def test_a_server_starts_no_worker_when_it_is_told_not_to(serve: Serve) -> None:
    server, http = serve(embedded_worker="false")
    job = fill_and_rebuild(http)
    assert http.get("/readyz").status_code in (200, 503)
    assert worker_of(server) is None
    assert not finished(http, job)
