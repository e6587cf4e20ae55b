"""The limit on bodies, over real HTTP and on the bare ASGI interface."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from service.app import create_app
from service.http.body_limit import BodyLimit
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.http.test_problems import check_problem
from tests.service.live_server import live

LIMIT = 4096


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), max_request_bytes=LIMIT)
    with live(create_app(settings, load_encoder=lambda _: PixelEncoder())) as url:
        yield url


def pieces(total: int, size: int = 1000) -> Iterator[bytes]:
    for begin in range(0, total, size):
        yield b" " * min(size, total - begin)


JSON = {"content-type": "application/json"}


def test_a_body_of_exactly_the_limit_is_read(address: str) -> None:
    body = json.dumps({"name": "p"}).encode().ljust(LIMIT)
    assert httpx2.post(f"{address}/v1/pools", content=body, headers=JSON).status_code == 201
    chunked = httpx2.post(f"{address}/v1/pools", content=iter([body[:100], body[100:]]), headers=JSON)
    assert chunked.status_code == 409


@pytest.mark.parametrize("total", [LIMIT + 1, 50 * LIMIT])
def test_a_larger_body_with_a_length_is_refused(address: str, total: int) -> None:
    response = httpx2.post(f"{address}/v1/pools", content=b" " * total, headers=JSON)
    problem = check_problem(response, 413, "payload_too_large")
    assert str(LIMIT) in str(problem["detail"])
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("total", [LIMIT + 1, 50 * LIMIT])
def test_a_larger_body_in_chunks_is_refused_while_it_streams(address: str, total: int) -> None:
    response = httpx2.post(f"{address}/v1/pools", content=pieces(total), headers=JSON)
    check_problem(response, 413, "payload_too_large")


def test_a_larger_multipart_is_refused(address: str) -> None:
    files = {"files": ("1.png", b"x" * 2 * LIMIT), "demonstrations": (None, "[]")}
    response = httpx2.post(f"{address}/v1/pools/p/demonstrations:upload", files=files)
    check_problem(response, 413, "payload_too_large")


def test_a_client_that_asks_first_is_told_no_before_it_sends(address: str) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=5) as raw:
        head = (
            f"POST /v1/pools HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: {10**12}\r\nExpect: 100-continue\r\n"
        )
        raw.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"payload_too_large" in answer


def test_the_server_lives_on_after_a_body_that_breaks_off(address: str) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=5) as raw:
        raw.sendall(f"POST /v1/pools HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 100\r\n\r\nhalf".encode())
    assert httpx2.get(f"{address}/livez").status_code == 200


async def run(limit: int, headers: list[tuple[bytes, bytes]], messages: list[dict[str, Any]]) -> tuple[int, int]:
    """Bytes that the app behind the limit saw, and the status that was sent by the limit; 0 for none."""
    seen = status = 0
    waiting = iter(messages)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        more = True
        while more:
            message = await receive()
            seen += len(message.get("body", b""))
            more = message.get("more_body", False)

    async def receive() -> Any:
        return next(waiting)

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {"type": "http", "path": "/", "headers": headers}
    await BodyLimit(app, limit)(scope, receive, send)  # type: ignore[arg-type]
    return seen, status


@pytest.mark.parametrize("length", [b"-1", b"+1", b"1e3", b"abc", b"", b"\xb2", b"9" * 30, b"1_0"])
async def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    assert await run(10, [(b"content-length", length)], []) == (0, 400)


async def test_a_body_that_lies_about_its_length_is_still_counted() -> None:
    from invariantselect.errors import PayloadTooLargeError

    message = {"type": "http.request", "body": b"x" * 11, "more_body": False}
    with pytest.raises(PayloadTooLargeError):
        await run(10, [(b"content-length", b"5")], [message])
    assert await run(11, [(b"content-length", b"5")], [message]) == (11, 0)


def test_nothing_but_http_is_touched(tmp_path: Path) -> None:
    import asyncio

    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(BodyLimit(app, 1)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
