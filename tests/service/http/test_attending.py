"""A query has its time and its client: without either, its work is given up."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import numpy as np
import pytest

from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.live_server import live
from tests.service.pictures import data_uri, png


class Gated(PixelEncoder):
    """Counts the images it has seen; waits while its gate is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.seen = 0

    def forward(self, batch: np.ndarray) -> np.ndarray:
        self.entered.release()
        assert self.gate.wait(20)
        self.seen += len(batch)
        return super().forward(batch)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/pools/p/select", {"query": {"image": data_uri(99)}}),
        ("/v1/pools/p/select:batch", {"queries": [{"image": data_uri(99)}, {"image": data_uri(98)}]}),
        ("/v1/embeddings", {"input": [data_uri(99)]}),
    ],
)
def test_a_query_that_takes_too_long_is_given_up(serve: Serve, path: str, body: object) -> None:
    encoder = Gated()
    client = fill(serve(load=lambda _: encoder, query_seconds=0.3))
    encoder.gate.clear()
    blocker = threading.Thread(target=_upsert, args=(client, 77))
    while encoder.entered.acquire(blocking=False):
        pass
    blocker.start()
    assert encoder.entered.acquire(timeout=20)
    seen = encoder.seen
    problem = check_problem(client.post(path, json=body), 504, "timed_out")
    assert "INVARIANTSELECT_QUERY_SECONDS" in problem["hint"]
    encoder.gate.set()
    blocker.join(20)
    _upsert(client, 78)
    assert encoder.seen == seen + 2  # what was given up was never encoded


def test_a_client_that_hangs_up_is_not_worked_for(tmp_path: Path) -> None:
    encoder = Gated()
    app = create_app(Settings(data=tmp_path, encoder="pixel-16-0", workers=2), load_encoder=lambda _: encoder)
    with live(app) as url, httpx2.Client(base_url=url, timeout=30) as http:
        assert http.post("/v1/pools", json={"name": "p"}).status_code == 201
        _upsert(http, 77)
        encoder.gate.clear()
        while encoder.entered.acquire(blocking=False):
            pass
        first = threading.Thread(target=http.post, args=("/v1/embeddings",), kwargs={"json": {"input": data_uri(50)}})
        first.start()
        assert encoder.entered.acquire(timeout=20)
        seen = encoder.seen
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as leaving:
            leaving.sendall(
                b"POST /v1/pools/p/select HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(png(60)), png(60))
            )
            _until(http, "invariantselect_engine_requests 2.0")
        _until(http, "invariantselect_engine_requests 1.0")  # while the encoder is still busy with the first
        encoder.gate.set()
        first.join(20)
        assert http.post("/v1/embeddings", json={"input": data_uri(70)}).status_code == 200
        assert encoder.seen == seen + 2
        metrics = http.get("/metrics").text
        assert 'route="/v1/pools/{pool}/select",status="499"' in metrics


def _upsert(client: httpx2.Client, number: int) -> None:
    sent = {"demonstrations": [{"id": "new", "image": data_uri(number), "label": "x"}]}
    assert client.post("/v1/pools/p/demonstrations:upsert", json=sent).status_code == 200


def _until(http: httpx2.Client, line: str) -> None:
    deadline = time.monotonic() + 20
    while line not in httpx2.get(f"{http.base_url}/metrics").text:
        assert time.monotonic() < deadline, f"never {line}"
        time.sleep(0.01)
