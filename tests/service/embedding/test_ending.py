"""Works that are alike end together while others keep the threads, and each with its own result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from invariantselect.errors import InvalidFilterError, InvalidVectorError
from service.embedding.ending import End, Ending, Together
from service.embedding.engine import Engine
from service.embedding.given_up import check_wanted
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve, fill
from tests.service.pictures import data_uri


class Doubled:
    """Ends numbers by doubling them; the first group waits for the gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.groups: list[list[Any]] = []

    def finish(self, numbers: Sequence[Any]) -> list[Any]:
        self.groups.append(list(numbers))
        assert self.gate.wait(20)
        if 13 in numbers:
            raise InvalidFilterError("thirteen")
        return [InvalidVectorError("odd") if number % 2 else 2 * number for number in numbers]

    def end(self, number: int, key: str = "same") -> End[int]:
        return End(Together(key, lambda _: None, self.finish), lambda: number)


@pytest.fixture
async def ending() -> AsyncIterator[Ending]:
    engine = Engine(2, 10, Metrics())
    yield Ending(engine, 1)
    engine.close()


async def begun(ending: Ending, *ends: End[int]) -> list[asyncio.Task[int]]:
    """Tasks that have got as far as they can."""
    tasks = [asyncio.create_task(ending.end(end)) for end in ends]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_first_ends_at_once_and_those_that_wait_meanwhile_end_together(ending: Ending) -> None:
    work = Doubled()
    tasks = await begun(ending, *(work.end(number) for number in (2, 4, 6)), work.end(8, "other"), work.end(10))
    work.gate.set()
    assert await asyncio.gather(*tasks) == [4, 8, 12, 16, 20]
    assert work.groups == [[2, 4, 6, 10], [8]] or work.groups == [[2], [4, 6, 10], [8]]
    assert await ending.end(work.end(12)) == 24


async def test_each_has_its_own_error_whatever_the_others_have(ending: Ending) -> None:
    work = Doubled()
    tasks = [*(await begun(ending, work.end(2))), *(await begun(ending, *map(work.end, (4, 13, 3, 6))))]
    work.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in results] == [int, int, InvalidFilterError, InvalidVectorError, int]
    assert [13] in work.groups


async def test_who_was_cancelled_is_left_out(ending: Ending) -> None:
    work = Doubled()
    (first,) = await begun(ending, work.end(2))
    leaving, staying = await begun(ending, work.end(4), work.end(6))
    leaving.cancel()
    await asyncio.wait([leaving])
    work.gate.set()
    assert await asyncio.gather(first, staying) == [4, 12]
    assert work.groups == [[2], [6]]


async def test_more_than_a_search_takes_are_several_groups(ending: Ending) -> None:
    work = Doubled()
    first = await begun(ending, work.end(0))
    others = await begun(ending, *(work.end(2 * number) for number in range(70)))
    work.gate.set()
    assert await asyncio.gather(*first, *others) == [0, *(4 * number for number in range(70))]
    assert [len(group) for group in work.groups] == [1, 32, 32, 6]


async def test_when_the_engine_closes_nobody_waits_for_ever() -> None:
    engine = Engine(1, 10, Metrics())
    ending, work = Ending(engine, 1), Doubled()
    first = await begun(ending, work.end(2))
    waiting = await begun(ending, work.end(4, "other"))
    closing = asyncio.create_task(asyncio.to_thread(engine.close))
    await asyncio.sleep(0)
    work.gate.set()
    await closing
    results = await asyncio.gather(*first, *waiting, return_exceptions=True)
    assert results[0] == 4
    assert results[1] == 8 or isinstance(results[1], (RuntimeError, asyncio.CancelledError))


def test_queries_of_many_clients_are_answered_as_each_would_be_alone(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: set[object] = set()
    end_really = Ending.end

    async def end(ending: Ending, it: End[Any]) -> Any:
        keys.add(it.together.key)
        return await end_really(ending, it)

    monkeypatch.setattr(Ending, "end", end)

    class Gated(PixelEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.gate = threading.Event()
            self.gate.set()

        def forward(self, batch: Any) -> Any:
            assert self.gate.wait(20)
            return super().forward(batch)

    encoder = Gated()
    client = fill(serve(load=lambda _: encoder))
    bodies = [
        {"query": {"image": data_uri(100 + number)}, "k": 5, "where": {"domain": "nowhere"} if number == 3 else {}}
        for number in range(12)
    ]

    def select(body: Any) -> Any:
        answer = client.post("/v1/pools/p/select", json=body)
        assert answer.status_code == 200
        return [(each["id"], each["score"]) for each in answer.json()["demonstrations"]]

    encoder.gate.clear()
    with ThreadPoolExecutor(12) as clients:
        answers = [clients.submit(select, body) for body in bodies]
        encoder.gate.set()
        together = [answer.result(20) for answer in answers]
    assert together == [select(body) for body in bodies]
    assert [len(each) for each in together] == [5, 5, 5, 0, *[5] * 8]
    assert len(keys) == 2  # alike, but for the one with a filter: whatever their images are


class Asking:
    """Ends numbers as they are, if they are still wanted once the gate is open."""

    def __init__(self) -> None:
        self.running, self.gate, self.over = threading.Event(), threading.Event(), threading.Event()
        self.was_wanted = False

    def finish(self, numbers: Sequence[Any]) -> list[Any]:
        self.running.set()
        assert self.gate.wait(20)
        try:
            check_wanted()
            self.was_wanted = True
        finally:
            self.over.set()
        return list(numbers)

    def end(self, number: int) -> End[int]:
        return End(Together(self, lambda _: None, self.finish), lambda: number)


@pytest.mark.parametrize("staying", [0, 1])
async def test_what_runs_ends_when_the_last_of_those_it_runs_for_is_gone(ending: Ending, staying: int) -> None:
    first, several, later = Asking(), Asking(), Asking()
    (begins,) = await begun(ending, first.end(0))
    tasks = await begun(ending, *map(several.end, (1, 2, 3)))
    first.gate.set()
    assert await begins == 0
    assert await asyncio.to_thread(several.running.wait, 20)
    for task in tasks[staying:]:
        task.cancel()
    await asyncio.wait(tasks[staying:])
    several.gate.set()
    assert await asyncio.to_thread(several.over.wait, 20)
    assert several.was_wanted == bool(staying)
    assert await asyncio.gather(*tasks[:staying]) == [1][:staying]
    later.gate.set()
    assert await ending.end(later.end(7)) == 7
