"""Bodies of all requests together, and slow ones, over real HTTP and on the bare ASGI interface."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariantselect.errors import OverloadedError, RequestTooSlowError
from service.app import create_app
from service.http.held_bodies import HeldBodies
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.http.test_problems import check_problem
from tests.service.live_server import live

ROOM = 4096
JSON = {"content-type": "application/json"}


class Reader:
    """An app that reads bodies, and answers none before it is told to."""

    def __init__(self) -> None:
        self.read: dict[str, int] = {}
        self.answer = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        seen, more = 0, True
        while more:
            message = await receive()
            seen += len(message.get("body", b""))
            more = message.get("more_body", False)
        self.read[scope["path"]] = seen
        await self.answer.wait()


async def unsent(message: Any) -> None:
    raise AssertionError(message)


def request(layer: HeldBodies, path: str, *chunks: bytes, declared: int | None = None) -> asyncio.Task[None]:
    """A request whose body comes in chunks; nothing comes after them while its end is missing."""
    waiting = list(chunks)
    length = declared if declared is not None else sum(map(len, chunks))

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting) or length > sum(map(len, chunks))}

    headers = [] if declared == 0 else [(b"content-length", str(length).encode())]
    return asyncio.create_task(layer({"type": "http", "path": path, "headers": headers}, receive, unsent))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_is_declared_is_held_before_it_comes_and_until_the_answer() -> None:
    reader = Reader()
    layer = HeldBodies(reader, ROOM, small=0)
    first = request(layer, "/first", b"x" * 10, declared=ROOM)
    await settle()
    with pytest.raises(OverloadedError) as caught:
        await request(layer, "/second", b"x")
    assert caught.value.context["retry_after"] >= 1
    first.cancel()
    await settle()
    whole = request(layer, "/third", b"x" * ROOM)
    await settle()
    assert reader.read == {"/third": ROOM}, "what a request that broke off had taken is free again"
    with pytest.raises(OverloadedError):
        await request(layer, "/fourth", b"x")
    reader.answer.set()
    await whole
    await request(layer, "/fifth", b"x" * ROOM)
    assert reader.read["/fifth"] == ROOM


async def test_without_a_length_room_is_taken_as_the_body_comes() -> None:
    reader = Reader()
    layer = HeldBodies(reader, ROOM, small=0)
    held = request(layer, "/held", b"x" * 3000)
    await settle()
    fits = request(layer, "/fits", b"x" * 1000, b"x" * 96, declared=0)
    await settle()
    assert reader.read == {"/held": 3000, "/fits": 1096}
    fits.cancel()
    await settle()
    with pytest.raises(OverloadedError):
        await request(layer, "/grows", b"x" * 1000, b"x" * 97, declared=0)
    held.cancel()


async def test_one_alone_is_let_in_however_large() -> None:
    reader = Reader()
    reader.answer.set()
    layer = HeldBodies(reader, ROOM, small=0)
    await request(layer, "/large", b"x" * 3 * ROOM)
    await request(layer, "/large-in-chunks", b"x" * ROOM, b"x" * ROOM, declared=0)
    assert reader.read == {"/large": 3 * ROOM, "/large-in-chunks": 2 * ROOM}


async def test_a_small_body_needs_no_room() -> None:
    reader = Reader()
    layer = HeldBodies(reader, ROOM, small=100)
    held = request(layer, "/held", b"x" * ROOM)
    small = [request(layer, f"/{number}", b"x" * 100, declared=declared) for number, declared in enumerate((None, 0))]
    await settle()
    assert reader.read == {"/held": ROOM, "/0": 100, "/1": 100}
    with pytest.raises(OverloadedError):
        await request(layer, "/grows", b"x" * 100, b"x", declared=0)
    for task in (held, *small):
        task.cancel()
    await settle()
    reader.answer.set()
    await request(layer, "/again", b"x" * ROOM)
    assert reader.read["/again"] == ROOM


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=12))
def test_room_is_as_an_account_of_it_says(requests: list[tuple[int, bool, bool]]) -> None:
    """Against a plain account: who is inside, and how much each brought."""

    async def drive() -> None:
        reader = Reader()
        layer = HeldBodies(reader, 50, small=0)
        inside: list[tuple[int, asyncio.Task[None]]] = []
        for number, (size, chunked, leaves) in enumerate(requests):
            if leaves and inside:
                inside.pop(0)[1].cancel()
                await settle()
            held = sum(each for each, _ in inside)
            task = request(layer, str(number), b"x" * size, declared=0 if chunked else None)
            await settle()
            if held and held + size > 50:
                assert isinstance(task.exception(), OverloadedError)
            else:
                assert reader.read[str(number)] == size
                inside.append((size, task))
        for _, task in inside:
            task.cancel()
        await settle()

    asyncio.run(drive())


async def test_a_body_that_stops_coming_is_waited_for_so_long_and_no_longer() -> None:
    layer = HeldBodies(Reader(), ROOM, small=0, patience=0.05)
    with pytest.raises(RequestTooSlowError, match="10 bytes"):
        await request(layer, "/", b"x" * 10, declared=20)


async def test_a_large_body_may_take_longer_the_more_of_it_came() -> None:
    reader = Reader()
    reader.answer.set()
    layer = HeldBodies(reader, ROOM, small=0, patience=0.05)
    sent = 0

    async def receive() -> Any:
        nonlocal sent
        if sent:
            await asyncio.sleep(0.15)  # longer than the patience alone; 2 KiB came, which are worth two seconds
        sent += 1
        return {"type": "http.request", "body": b"x" * 1024, "more_body": sent < 3}

    await layer({"type": "http", "path": "/slow", "headers": []}, receive, unsent)
    assert reader.read == {"/slow": 3 * 1024}


async def test_to_wait_for_the_client_to_leave_takes_as_long_as_it_takes() -> None:
    left = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    async def receive() -> Any:
        if not left.is_set():
            left.set()
            return {"type": "http.request", "body": b"x", "more_body": False}
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    await HeldBodies(app, ROOM, patience=0.02)({"type": "http", "path": "/", "headers": []}, receive, unsent)


async def test_nothing_but_http_is_touched() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["type"], receive))

    await HeldBodies(app, 1)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == [("lifespan", None)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), max_held_bytes=ROOM)
    with live(create_app(settings, load_encoder=lambda _: PixelEncoder())) as url:
        yield url


def test_over_http_a_body_waits_for_no_room_and_is_told_when_to_come_again(address: str) -> None:
    where = urlsplit(address)
    body = json.dumps({"name": "p"}).encode()
    large = body.ljust(100_000)
    with socket.create_connection((where.hostname, where.port), timeout=5) as raw, httpx2.Client() as client:
        head = f"POST /v1/pools HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n"
        raw.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 100 "), "its body is asked for, and so its room is taken"
        refused = client.post(f"{address}/v1/pools", content=large, headers=JSON)
        check_problem(refused, 429, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert client.post(f"{address}/v1/pools", content=body, headers=JSON).status_code == 201
        raw.sendall(b"{}".ljust(100_000))
        assert raw.recv(4096).startswith(b"HTTP/1.1 422 ")
        assert client.post(f"{address}/v1/pools", content=large, headers=JSON).status_code == 409
    told = httpx2.get(f"{address}/metrics").text
    assert "invariantselect_overloaded_total 1.0" in told
