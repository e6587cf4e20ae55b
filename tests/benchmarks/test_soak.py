"""What the soak takes for flat memory, and that a stalled server can't hide behind queries that weren't asked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.soak.memory import _growth
from benchmarks.soak.queries import Asker
from tests.service.live_server import live

MIB = 1 << 20
JPEG = b"\xff\xd8\xff\xd9"


@pytest.mark.parametrize(("grown", "flat"), [(0, True), (40, True), (-400, True), (120, False)])
def test_memory_is_flat_if_the_line_through_it_hardly_rises(grown: int, flat: bool) -> None:
    at = np.linspace(0, 600, 300)
    noise = np.random.default_rng(0).normal(0, 10 * MIB, 300)
    growth = _growth("server", at, 400 * MIB + grown * MIB * at / 600 + noise)
    assert growth.flat is flat
    assert growth.grown_bytes == pytest.approx(grown * MIB, abs=8 * MIB)


@pytest.fixture
def stalling() -> Iterator[tuple[str, threading.Event]]:
    """A server that answers at once, until it is told to answer nobody for half a second."""
    stall = threading.Event()

    async def select(_request: Request) -> JSONResponse:
        if stall.is_set():
            stall.clear()
            time.sleep(0.5)  # noqa: ASYNC251 -- everybody has to wait
        await asyncio.sleep(0)
        return JSONResponse({"demonstrations": [{}] * 7})

    with live(Starlette(routes=[Route("/v1/pools/p/select", select, methods=["POST"])])) as url:  # type: ignore[arg-type]
        yield url, stall


def test_a_query_is_late_from_when_it_was_due(stalling: tuple[str, threading.Event]) -> None:
    url, stall = stalling
    asker = Asker(url, "p", [JPEG])
    stall.set()
    answers = asker.at_rate(100, 1.0)
    assert answers.errors == {}
    assert sum(seconds > 0.2 for seconds in answers.seconds) >= 15
    rate, _ = asker.as_fast_as_possible(0.3, clients=2)
    assert rate > 0


def test_what_is_no_answer_is_counted(stalling: tuple[str, threading.Event]) -> None:
    url, _ = stalling
    _, answers = Asker(f"{url}/elsewhere", "p", [JPEG]).as_fast_as_possible(0.05, clients=1)
    assert answers.seconds == []
    assert set(answers.errors) == {"404 without a reason"}
