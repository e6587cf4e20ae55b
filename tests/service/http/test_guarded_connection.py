"""What may be done to a connection before a request is understood, by sockets against a real server."""

from __future__ import annotations

import contextlib
import json
import logging
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

MOST, SECONDS, IDLE_SECONDS = 4, 0.4, 4


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    protocol = type("Hasty", (guarded(MOST),), {"head_seconds": SECONDS, "unread_seconds": SECONDS})
    app = create_app(settings, load_encoder=lambda _: PixelEncoder())
    with live(app, http=protocol, timeout_keep_alive=IDLE_SECONDS) as url:
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
    until_all_are_gone(address)
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


def until_all_are_gone(address: str) -> None:
    """Those that left are noticed one by one."""
    deadline = time.monotonic() + 20
    with contextlib.suppress(httpx2.TransportError):
        while httpx2.get(f"{address}/v1/pools").status_code != 200:
            assert time.monotonic() < deadline


def test_one_connection_too_many_is_told_so_and_those_before_it_go_on(address: str) -> None:
    until_all_are_gone(address)
    with contextlib.ExitStack() as stack:
        there = [stack.enter_context(connected(address)) for _ in range(MOST)]
        assert [asked(raw) for raw in there] == [200] * MOST
        refused = httpx2.get(f"{address}/v1/pools")
        check_problem(refused, 503, "not_ready")
        assert refused.headers["connection"] == "close"
        assert int(refused.headers["retry-after"]) >= 1
        probed = httpx2.get(f"{address}/livez")
        assert (probed.status_code, probed.headers["connection"]) == (200, "close")
        assert [asked(raw) for raw in there] == [200] * MOST
        large = httpx2.post(f"{address}/v1/pools", content=b" " * 10**7, headers={"content-type": "application/json"})
        check_problem(large, 503, "not_ready")
        silent = [stack.enter_context(connected(address)) for _ in range(2 * MOST)]
        assert until_closed(silent[-1]) == b"", "twice as many and more aren't listened to"
        assert [asked(raw) for raw in there] == [200] * MOST
    until_all_are_gone(address)


def test_requests_that_are_sent_ahead_without_end_are_not_kept(address: str) -> None:
    until_all_are_gone(address)
    with connected(address) as raw:
        raw.settimeout(0.5)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 5 * 10**7:
                sent += raw.send(LIVEZ * 1000)
        assert sent < 5 * 10**7
    with connected(address) as raw:
        raw.settimeout(0.5)
        sent = 0
        raw.sendall(LIVEZ * 10 + b"POST /v1/pools HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            while sent < 5 * 10**7:
                sent += raw.send(b"10000\r\n" + b" " * 2**16 + b"\r\n")
    until_all_are_gone(address)


def test_the_rest_of_a_body_after_its_answer_is_waited_for_so_long(address: str) -> None:
    until_all_are_gone(address)
    with connected(address) as raw:
        raw.sendall(b"POST /nowhere HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 404 ")
        with contextlib.suppress(OSError):
            raw.sendall(b"x")
            until_closed(raw)  # it would wait for ever, and time out
    with connected(address) as raw:
        raw.sendall(b"POST /nowhere HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n")
        response = HTTPResponse(raw)
        response.begin()
        response.read()
        assert response.status == 404
        raw.sendall(b"x" * 1000)
        assert asked(raw) == 200, "its body has come, and the connection goes on"
        began = time.monotonic()
        assert until_closed(raw) == b""
        assert time.monotonic() - began >= 0.9 * IDLE_SECONDS


def test_an_answer_that_is_not_taken_is_not_kept_for_ever(address: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    until_all_are_gone(address)
    where = urlsplit(address)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect((where.hostname, where.port))
        raw.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 30)
        deadline = time.monotonic() + 20
        while "connection_stalled" not in caplog.text:  # nothing is read, and all buffers are full
            assert time.monotonic() < deadline
            time.sleep(0.01)
        received = until_closed(raw)
    assert received.count(b"HTTP/1.1 200 ") < 30


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
