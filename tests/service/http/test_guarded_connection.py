"""What may be done to a connection before a request is understood, by sockets against a real server."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit

import httpx2
import pytest

from invariantselect.errors import HeadTooLargeError, error_from_problem
from service.app import create_app
from service.http.guarded_connection import GuardedConnection, guarded
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.http.test_problems import check_problem
from tests.service.live_server import live

MOST, SECONDS = 4, 0.4


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    protocol = type("Hasty", (guarded(MOST),), {"head_seconds": SECONDS})
    with live(create_app(settings, load_encoder=lambda _: PixelEncoder()), http=protocol) as url:
        yield url


@contextlib.contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=20) as raw:
        yield raw


def until_closed(raw: socket.socket) -> bytes:
    """What the server sends until it closes, however it does."""
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: raw.recv(65536), b""))
    return b""


def asked(raw: socket.socket) -> int:
    """The status of a request for /livez."""
    raw.sendall(LIVEZ)
    response = HTTPResponse(raw)
    response.begin()
    response.read()
    return response.status


LIVEZ = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: here\r\n"])
def test_a_head_that_does_not_end_is_not_waited_for(address: str, begun: bytes) -> None:
    with connected(address) as raw:
        began = time.monotonic()
        raw.sendall(begun)
        assert until_closed(raw) == b""
        assert time.monotonic() - began >= 0.9 * SECONDS


def test_it_is_the_whole_head_that_has_the_time_and_not_each_byte(address: str) -> None:
    with connected(address) as raw:
        raw.sendall(b"GET /livez HTTP/1.1\r\n")
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 20:
                raw.sendall(b"x: y\r\n")
                time.sleep(0.02)
        assert time.monotonic() - began < 20


def test_a_later_request_has_the_time_anew_and_no_more(address: str) -> None:
    with connected(address) as raw:
        assert asked(raw) == 200
        time.sleep(1.5 * SECONDS)  # idle between requests is uvicorn's to limit
        assert asked(raw) == 200
        raw.sendall(LIVEZ[:10])
        assert until_closed(raw) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 2**21,
        b"GET /livez HTTP/1.1\r\nx: " + b"a" * 2**21,
        b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 2**19,
    ],
    ids=["path", "one header", "many headers"],
)
def test_a_head_without_an_end_is_not_kept(address: str, head: bytes) -> None:
    with connected(address) as raw:
        with contextlib.suppress(OSError):
            raw.sendall(head)
        answer = until_closed(raw)
        assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert httpx2.get(f"{address}/livez").status_code == 200


def test_a_large_head_is_answered_by_its_name(address: str) -> None:
    with connected(address) as raw:
        raw.sendall(b"GET /livez HTTP/1.1\r\nx: " + b"a" * 70_000)
        answer = until_closed(raw)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    assert isinstance(error_from_problem(json.loads(body), status=431), HeadTooLargeError)


def test_trailers_without_an_end_are_not_kept_either(address: str) -> None:
    with connected(address) as raw:
        raw.sendall(b"GET /livez HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                raw.sendall(b"x: " + b"a" * 2**16 + b"\r\n")
        until_closed(raw)
    assert httpx2.get(f"{address}/livez").status_code == 200


def test_a_body_in_many_small_chunks_is_no_head(address: str) -> None:
    with connected(address) as raw:
        raw.sendall(b"POST /v1/pools HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        raw.sendall(b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 30_000 + b"0\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 400 "), "thirty thousand blanks are no JSON, and were read"


def test_with_too_many_connections_requests_are_told_so_and_probes_go_on(address: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST):
            raw = stack.enter_context(connected(address))
            assert asked(raw) == 200
        refused = httpx2.get(f"{address}/v1/pools")
        check_problem(refused, 503, "not_ready")
        assert refused.headers["connection"] == "close"
        assert int(refused.headers["retry-after"]) >= 1
        assert httpx2.get(f"{address}/livez").status_code == 200
    deadline = time.monotonic() + 20
    while httpx2.get(f"{address}/v1/pools").status_code != 200:  # those that left are noticed one by one
        assert time.monotonic() < deadline


def test_pipelined_requests_are_answered_in_turn(address: str) -> None:
    with connected(address) as raw:
        raw.sendall(LIVEZ * 3)
        answered = b""
        while answered.count(b"HTTP/1.1 200 ") < 3:
            more = raw.recv(65536)
            assert more
            answered += more


def test_a_protocol_is_a_class_of_its_own() -> None:
    assert guarded(7).most_connections == 7
    assert guarded(8).head_seconds == GuardedConnection.head_seconds
