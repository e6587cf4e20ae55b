from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from fastapi.testclient import TestClient

from invariantselect.errors import EncoderUnavailableError, OverloadedError
from service.embedding import warm_up
from service.embedding.encoder_shelf import EncoderShelf
from service.embedding.engine import Engine
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve, fill, load_pixel_encoder
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri


class Gated(PixelEncoder):
    """An encoder that waits for its gate to open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.running = threading.Semaphore(0)

    def forward(self, batch: np.ndarray) -> np.ndarray:
        self.running.release()
        assert self.gate.wait(30)
        return super().forward(batch)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine(2, 3, Metrics())
    yield made
    made.close()


async def test_at_most_so_many_requests_are_inside(engine: Engine) -> None:
    async with contextlib.AsyncExitStack() as inside:
        for _ in range(3):
            await inside.enter_async_context(engine.admission())
        with pytest.raises(OverloadedError) as caught:
            await inside.enter_async_context(engine.admission())
        assert caught.value.context["retry_after"] >= 1
    async with engine.admission():
        pass


async def test_work_runs_on_the_engine_s_threads_and_its_error_comes_back(engine: Engine) -> None:
    assert (await engine.run(lambda: threading.current_thread().name)).startswith("engine")
    with pytest.raises(ZeroDivisionError):
        await engine.run(lambda: 1 // 0)


async def test_cancelled_work_that_has_not_begun_is_not_done(engine: Engine) -> None:
    gate, done = threading.Event(), []
    blockers = [asyncio.create_task(engine.run(gate.wait)) for _ in range(2)]
    waiting = asyncio.create_task(engine.run(lambda: done.append(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    gate.set()
    await asyncio.gather(*blockers)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == []


async def test_a_client_is_told_to_return_when_the_queue_will_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("service.embedding.engine.time.perf_counter", lambda: now[0])
    engine = Engine(1, 20, Metrics())
    async with contextlib.AsyncExitStack() as inside:
        for _ in range(19):
            await inside.enter_async_context(engine.admission())
        for _ in range(200):  # one leaves every two seconds, however long each was inside
            async with engine.admission():
                now[0] += 2.0
        await inside.enter_async_context(engine.admission())
        with pytest.raises(OverloadedError) as caught:
            await inside.enter_async_context(engine.admission())
    engine.close()
    assert 40 <= caught.value.context["retry_after"] <= 41


def test_two_threads_that_need_an_encoder_load_it_once() -> None:
    loads: list[str] = []
    together = threading.Barrier(4)

    def load(name: str) -> PixelEncoder:
        loads.append(name)
        time.sleep(0.05)
        return PixelEncoder()

    shelf = EncoderShelf(["a", "b"], load)

    def get() -> None:
        together.wait()
        shelf.get("a")

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["a"]
    assert shelf.identity("b") is None


def test_a_full_server_says_when_to_come_again_and_still_lives(serve: Serve) -> None:
    encoder = Gated()
    client = serve(load=lambda _: encoder, queue_limit=2)
    encoder.gate.set()
    _wait_until_ready(client)
    client.post("/v1/pools", json={"name": "p"})
    encoder.gate.clear()
    while encoder.running.acquire(blocking=False):
        pass
    threads = [threading.Thread(target=_embed, args=(client, number)) for number in range(2)]
    for thread in threads:
        thread.start()
    assert encoder.running.acquire(timeout=20)
    _wait_until(client, "invariantselect_engine_requests 2.0")
    for path, body in (
        ("/v1/embeddings", {"input": data_uri(9)}),
        ("/v1/pools/p/select", {"query": {"id": "x"}}),
        ("/v1/pools/p/select:batch", {"queries": [{"id": "x"}]}),
        ("/v1/pools/p/demonstrations:upsert", {"demonstrations": [{"id": "1", "image": data_uri(9), "label": "x"}]}),
    ):
        response = client.post(path, json=body)
        check_problem(response, 429, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
    # The event loop is free, and what needs no worker is answered.
    assert client.get("/livez").status_code == 200
    assert client.get("/v1/pools/p").status_code == 200
    assert "invariantselect_overloaded_total 4.0" in client.get("/metrics").text
    encoder.gate.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert client.post("/v1/embeddings", json={"input": data_uri(9)}).status_code == 200


def test_a_server_is_alive_at_once_and_ready_after_a_forward_pass(serve: Serve) -> None:
    encoder = Gated()
    client = serve(load=lambda _: encoder)
    assert encoder.running.acquire(timeout=20)
    assert client.get("/livez").status_code == 200
    response = client.get("/readyz")
    check_problem(response, 503, "not_ready")
    assert response.headers["retry-after"] == "1"
    encoder.gate.set()
    _wait_until_ready(client)


def test_a_server_whose_encoder_can_not_be_loaded_says_why_and_never_gets_ready(serve: Serve) -> None:
    def load(name: str) -> PixelEncoder:
        raise EncoderUnavailableError("the weights are missing", hint="Fetch them.")

    client = serve(load=load)
    deadline = time.monotonic() + 20
    while "weights" not in client.get("/readyz").json()["detail"]:
        assert time.monotonic() < deadline
    problem = check_problem(client.get("/readyz"), 503, "not_ready")
    assert problem["hint"] == "Fetch them."
    check_problem(client.post("/v1/pools", json={"name": "p"}), 503, "encoder_unavailable")
    assert client.get("/v1/pools").status_code == 200


def test_a_server_gets_ready_once_its_encoder_can_be_loaded(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "_FIRST_PAUSE_S", 0.01)
    away = iter([True, True])

    def load(name: str) -> PixelEncoder:
        if next(away, False):
            raise EncoderUnavailableError("the hub is away", hint="Wait.")
        return PixelEncoder()

    client = serve(load=load)
    _wait_until_ready(client)
    assert next(away, None) is None


def test_a_server_whose_encoder_is_broken_is_not_ready(serve: Serve) -> None:
    client = serve(load=lambda _: None)  # type: ignore[arg-type,return-value]
    deadline = time.monotonic() + 20
    while "AttributeError" not in client.get("/readyz").json()["detail"]:
        assert time.monotonic() < deadline


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- nothing is told when it comes true
            await asyncio.sleep(0.001)


class Payload:
    """Something whose end can be seen."""


async def test_cancelled_work_that_waits_for_a_thread_is_not_kept(engine: Engine) -> None:
    gate, payload = threading.Event(), Payload()
    seen = weakref.ref(payload)
    blockers = [asyncio.create_task(engine.run(gate.wait)) for _ in range(2)]
    waiting = asyncio.create_task(engine.run(partial(isinstance, payload, Payload)))
    del payload
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    del waiting
    gc.collect()
    assert seen() is None
    gate.set()
    await asyncio.gather(*blockers)


async def test_work_that_lacks_an_encoder_takes_no_thread_and_no_place_until_it_is_loaded(engine: Engine) -> None:
    gate, loads = threading.Event(), []

    def load(name: str) -> PixelEncoder:
        loads.append(name)
        assert gate.wait(30)
        return PixelEncoder()

    async def get(shelf: EncoderShelf, name: str) -> str:
        async with engine.admission():
            return (await engine.run(partial(shelf.get, name))).identity.name

    slow, quick = EncoderShelf(["slow"], load), EncoderShelf(["quick"], lambda _: PixelEncoder())
    waiting = []
    for _ in range(6):  # more than there are threads, and than may be inside
        waiting.append(asyncio.create_task(get(slow, "slow")))
        await asyncio.sleep(0)
        await _until(lambda: not engine._inside)
    assert await get(quick, "quick") == PixelEncoder().identity.name
    waiting[0].cancel()  # the others go on waiting for what it began
    gate.set()
    assert len(await asyncio.gather(*waiting[1:])) == 5
    assert loads == ["slow"]
    assert engine._inside == 0


async def test_who_was_told_that_an_encoder_fails_leaves_nothing_behind(engine: Engine) -> None:
    def load(name: str) -> PixelEncoder:
        raise EncoderUnavailableError("the weights are missing", hint="Fetch them.", encoder=name)

    shelf, payload = EncoderShelf(["a"], load), Payload()
    seen = weakref.ref(payload)

    def get(_: Payload) -> object:
        return shelf.get("a")

    async with engine.admission():
        with pytest.raises(EncoderUnavailableError) as told:
            await engine.run(partial(get, payload))
    assert (told.value.detail, told.value.hint, told.value.context) == (
        "the weights are missing",
        "Fetch them.",
        {"encoder": "a"},
    )
    del told, payload
    await asyncio.sleep(0.01)  # the loop is done with what it woke this up for
    gc.collect()
    assert seen() is None


async def test_who_waited_for_an_encoder_in_vain_is_told_why_and_it_is_tried_once(engine: Engine) -> None:
    gate, loads = threading.Event(), []

    def load(name: str) -> PixelEncoder:
        loads.append(name)
        assert gate.wait(30)
        raise EncoderUnavailableError("the weights are missing")

    shelf = EncoderShelf(["a"], load)

    async def get() -> PixelEncoder:
        async with engine.admission(again=True):
            return await engine.run(partial(shelf.get, "a"))  # type: ignore[return-value]

    waiting = [asyncio.create_task(get()) for _ in range(6)]
    await _until(lambda: bool(loads))
    gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(each) for each in found] == ["the weights are missing"] * 6
    assert loads == ["a"]


def test_queries_of_other_encoders_are_answered_while_one_is_loaded(serve: Serve) -> None:
    gate, loading = threading.Event(), threading.Event()

    def load(name: str) -> PixelEncoder:
        if name == "pixel-8-1":
            loading.set()
            assert gate.wait(30)
        return load_pixel_encoder(name)  # type: ignore[return-value]

    client = fill(serve(load=load, encoders=("pixel-8-1",), workers=2))
    with ThreadPoolExecutor(4) as users:
        body = {"input": data_uri(1), "model": "pixel-8-1"}
        waiting = [users.submit(client.post, "/v1/embeddings", json=body) for _ in range(4)]
        assert loading.wait(30)
        assert client.post("/v1/pools/p/select", json={"query": {"id": "d0/l0/0.png"}}).status_code == 200
        assert client.post("/v1/embeddings", json={"input": data_uri(2)}).status_code == 200
        assert not any(each.done() for each in waiting)
        gate.set()
        assert [each.result(30).status_code for each in waiting] == [200] * 4


def test_queries_are_answered_while_writes_wait_for_their_turn(serve: Serve) -> None:
    client = fill(serve(workers=2))
    services = client.app.state.services  # type: ignore[attr-defined]
    new = [{"id": "new", "image": data_uri(50), "label": "l0"}]
    with ThreadPoolExecutor(60) as users:
        with services.pools._catalog.writing():
            path = "/v1/pools/p/demonstrations"
            waiting = [users.submit(client.patch, f"{path}/d0%2Fl0%2F0.png", json={"label": "x"}) for _ in range(45)]
            waiting += [users.submit(client.post, f"{path}:upsert", json={"demonstrations": new}) for _ in range(5)]
            limiter = services.writes._limiter
            deadline = time.monotonic() + 20
            while limiter.borrowed_tokens < limiter.total_tokens:
                assert time.monotonic() < deadline, "they don't wait there"
                time.sleep(0.01)
            for _ in range(3):
                selected = client.post("/v1/pools/p/select", json={"query": {"image": data_uri(51)}, "k": 3})
                assert selected.status_code == 200
                assert client.get("/v1/pools/p").status_code == 200
                assert client.get("/metrics").status_code == 200
        assert {each.result(30).status_code for each in waiting} == {200}


def test_who_has_no_key_is_not_told_which_encoder_fails_and_why(serve: Serve) -> None:
    def load(name: str) -> PixelEncoder:
        raise EncoderUnavailableError("/srv/models/secret can't be read")

    client = serve(load=load, auth="on")
    deadline = time.monotonic() + 20
    while "failed" not in client.get("/readyz").text:
        assert time.monotonic() < deadline
    detail = check_problem(client.get("/readyz"), 503, "not_ready")["detail"]
    assert detail == "the encoder failed with EncoderUnavailableError; see the server's log"


def _embed(client: TestClient, number: int) -> None:
    assert client.post("/v1/embeddings", json={"input": data_uri(number)}).status_code == 200


def _wait_until(client: TestClient, line: str) -> None:
    deadline = time.monotonic() + 20
    while line not in client.get("/metrics").text:
        assert time.monotonic() < deadline, f"never {line}"
        time.sleep(0.01)


def _wait_until_ready(client: TestClient) -> None:
    deadline = time.monotonic() + 20
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline, "never ready"
        time.sleep(0.01)
