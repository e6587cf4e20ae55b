"""A server as a process of its own: it starts, is asked to stop, finishes what it was doing, and is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.service.pictures import data_uri

SERVER = """
import socket, sys, threading, time
import uvicorn
from service.app import create_app
from service.logs import configure_logs
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder

class Slow(PixelEncoder):
    def forward(self, batch):
        time.sleep(float(sys.argv[1]))
        return super().forward(batch)

settings = Settings(encoder="pixel-16-0", port=0, workers=1)
configure_logs(settings)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = create_app(settings, load_encoder=lambda name: Slow())
config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=settings.shutdown_seconds)
uvicorn.Server(config).run(sockets=[listener])
"""


@contextmanager
def server(data: Path, *, encode_seconds: float) -> Iterator[tuple[subprocess.Popen[str], httpx2.Client]]:
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "INVARIANTSELECT_DATA": str(data)}
    command = [sys.executable, "-c", SERVER, str(encode_seconds)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            port = running.stdout.readline().strip()
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
                yield running, http
        finally:
            running.kill()


def test_a_server_that_is_told_to_stop_answers_what_it_has_begun(tmp_path: Path) -> None:
    with server(tmp_path / "data", encode_seconds=0.4) as (process, http):
        assert http.get("/livez").status_code == 200
        assert http.post("/v1/pools", json={"name": "p"}).status_code == 201
        answers: list[httpx2.Response] = []

        def upsert() -> None:
            sent = [{"id": str(number), "image": data_uri(number), "label": "x"} for number in range(3)]
            answers.append(http.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent}))

        thread = threading.Thread(target=upsert)
        thread.start()
        _wait_until_busy(process, http)
        process.send_signal(signal.SIGTERM)
        thread.join(20)
        _, log = process.communicate(timeout=20)
    assert answers[0].status_code == 200
    assert answers[0].json()["failed"] == 0
    # uvicorn ends by the signal that it was sent, once everything is closed.
    assert process.returncode in (0, -signal.SIGTERM)
    events = [json.loads(line) for line in log.splitlines()]
    assert not any(event.get("level") == "error" for event in events), log
    with server(tmp_path / "data", encode_seconds=0.0) as (_, http):
        assert http.get("/v1/pools/p").json()["demonstrations"] == 3


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with server(tmp_path / "data", encode_seconds=0.0) as (process, http):
        http.post("/v1/pools", json={"name": "p"})
        sent = [{"id": "1", "image": data_uri(1), "label": "x"}]
        assert http.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent}).status_code == 200
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    with server(tmp_path / "data", encode_seconds=0.0) as (_, http):
        answer = http.post("/v1/pools/p/select", json={"query": {"image": data_uri(2)}, "k": 1}).json()
        assert [each["id"] for each in answer["demonstrations"]] == ["1"]


def _wait_until_busy(process: subprocess.Popen[str], http: httpx2.Client) -> None:
    deadline = time.monotonic() + 20
    while "invariantselect_engine_requests 1.0" not in httpx2.get(f"{http.base_url}/metrics").text:
        assert process.poll() is None
        assert time.monotonic() < deadline, "the request never arrived"
        time.sleep(0.01)
