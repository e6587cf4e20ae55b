"""No cap is ever exceeded, whatever is open; and no more is held back than has to be."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.learners.learner import Answer
from evaluation.learners.lmm import Lmm, LmmOptions
from evaluation.learners.lmm.budget import Budget
from evaluation.learners.lmm.tokens import Tokens
from invariantselect.errors import LearnerBudgetSpentError
from tests.client.scripted_server import Received, Reply, ScriptedServer
from tests.evaluation.learners.lmm.endpoints import asking, completion, question, refusal


async def ask_many(lmm: Lmm, count: int) -> tuple[int, int]:
    """How many of so many different questions, all open at once, were answered, and how many had no budget left."""
    outcomes = await asyncio.gather(*(lmm.answer(question(f"q{n}")) for n in range(count)), return_exceptions=True)
    answered = sum(isinstance(outcome, Answer) for outcome in outcomes)
    spent = sum(isinstance(outcome, LearnerBudgetSpentError) for outcome in outcomes)
    assert answered + spent == count, outcomes
    return answered, spent


@pytest.mark.parametrize("most", [0, 1, 5])
async def test_requests_are_capped_with_many_open(server: ScriptedServer, most: int) -> None:
    server.respond = lambda _: completion("cat")
    async with asking(server, most_requests=most, concurrency=16) as lmm:
        assert await ask_many(lmm, 24) == (most, 24 - most)
        assert lmm.spent.requests == most
    assert len(server.received) == most


async def test_requests_made_again_count(server: ScriptedServer) -> None:
    server.respond = lambda _: refusal(500, "oops")
    async with asking(server, most_requests=3, retries=9) as lmm:
        with pytest.raises(LearnerBudgetSpentError, match="All 3 requests"):
            await lmm.answer(question())
    assert len(server.received) == 3


async def test_money_is_capped_with_many_open_by_the_endpoints_own_count(server: ScriptedServer) -> None:
    rng, lock, billed = random.Random(0), threading.Lock(), []

    def respond(_: Received) -> Reply:
        with lock:
            usage = (rng.randrange(40, 500), rng.randrange(1, 64))
            billed.append(usage[0] * 3 / 1e6 + usage[1] * 12 / 1e6)
        return completion("cat", usage=usage)

    server.respond = respond
    caps = {"price_in": 3.0, "price_out": 12.0, "most_cost": 0.02, "image_tokens": 200}
    async with asking(server, concurrency=16, **caps) as lmm:
        answered, spent = await ask_many(lmm, 60)
        assert lmm.spent.cost == pytest.approx(sum(billed))
        assert lmm.spent.requests == answered
    # Each reserves 0.0038 or so: five would fit if nothing were given back, and one is what may be left over.
    assert 0.02 - 0.0045 < sum(billed) <= 0.02
    assert answered > 10
    assert spent > 0


async def test_an_endpoint_that_doesnt_count_is_taken_to_bill_all_that_was_reserved(server: ScriptedServer) -> None:
    server.respond = lambda _: completion("cat", usage=None)
    async with asking(server, concurrency=8, price_out=1e6, most_cost=64 * 3.5) as lmm:
        assert await ask_many(lmm, 8) == (3, 5)
        assert (lmm.spent.cost, lmm.spent.answer_tokens) == (64 * 3, 64 * 3)


@pytest.mark.parametrize("usage", [{"prompt_tokens": -5, "completion_tokens": 1}, {"prompt_tokens": 10**30}, "many"])
async def test_a_count_that_cant_be_is_none(server: ScriptedServer, usage: object) -> None:
    import json

    body = json.loads(completion("cat").body) | {"usage": usage}
    server.script(Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"}))
    async with asking(server, price_out=1e6) as lmm:
        await lmm.answer(question())
        assert lmm.spent.cost == 64


async def test_where_images_are_dearer_than_said_later_requests_reserve_more(server: ScriptedServer) -> None:
    server.respond = lambda _: completion("cat", usage=(10_000, 1))
    async with asking(server, concurrency=1, image_tokens=10, price_in=1e6, most_cost=25e3) as lmm:
        assert await ask_many(lmm, 4) == (2, 2)


async def test_many_open_questions_that_are_dearer_than_said_raise_it_once(server: ScriptedServer) -> None:
    most, full = 60, threading.Barrier(8, timeout=10)

    def respond(_: Received) -> Reply:
        if len(server.received) <= 8:
            full.wait()  # eight are open together, all reserved as if images were cheap
        return completion("cat", usage=(2_000, 1))

    server.respond = respond
    async with asking(server, concurrency=8, image_tokens=10, price_in=1e6, most_cost=most * 2e3) as lmm:
        answered, _ = await ask_many(lmm, 80)
    assert answered >= most - 1


@given(underestimates=st.lists(st.integers(1, 50), min_size=1, max_size=16), reserved=st.integers(1, 1000))
def test_later_requests_reserve_the_most_that_one_took(underestimates: list[int], reserved: int) -> None:
    budget = Budget(LmmOptions("m"))

    async def run() -> int:
        opened = [await budget.reserve(Tokens(reserved, 1)) for _ in underestimates]
        for each, times in zip(opened, underestimates, strict=True):
            budget.settle(each, Tokens(reserved * times, 1))
        return (await budget.reserve(Tokens(reserved, 1))).tokens.prompt

    assert asyncio.run(run()) == reserved * max(underestimates)


async def test_kept_answers_are_free(server: ScriptedServer, tmp_path: Path) -> None:
    server.respond = lambda _: completion("cat")
    async with asking(server, tmp_path) as lmm:
        await ask_many(lmm, 5)
    async with asking(server, tmp_path, most_requests=0, most_cost=0.0, price_in=1.0) as again:
        assert await ask_many(again, 6) == (5, 1)
        assert (again.spent.requests, again.spent.cost, again.spent.cached) == (0, 0.0, 5)
    assert len(server.received) == 5


async def test_a_question_that_is_given_up_counts_in_full(server: ScriptedServer) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def respond(_: Received) -> Reply:
        arrived.set()
        go_on.wait(10)
        return completion("cat")

    server.respond = respond
    async with asking(server, price_out=1e6, most_cost=100.0) as lmm:
        task = asyncio.create_task(lmm.answer(question()))
        await asyncio.to_thread(arrived.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert lmm.spent.cost == 64
        with pytest.raises(LearnerBudgetSpentError):
            await lmm.answer(question("q1"))


async def test_no_more_requests_are_open_than_asked(server: ScriptedServer) -> None:
    lock, full = threading.Lock(), threading.Barrier(3, timeout=10)
    now = most = 0

    def respond(_: Received) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        full.wait()  # three are open together, or this breaks
        with lock:
            now -= 1
        return completion("cat")

    server.respond = respond
    async with asking(server, concurrency=3) as lmm:
        await ask_many(lmm, 12)
    assert most == 3


@given(
    cap=st.integers(0, 300),
    requests=st.lists(st.tuples(st.integers(1, 60), st.floats(0, 1), st.integers(0, 3)), max_size=30),
)
def test_whatever_order_requests_end_in_the_cap_holds(cap: int, requests: list[tuple[int, float, int]]) -> None:
    budget = Budget(LmmOptions("m", most_cost=float(cap), price_out=1e6))
    outcomes = []

    async def one(most: int, share: float, turns: int) -> None:
        try:
            reserved = await budget.reserve(Tokens(0, most))
        except LearnerBudgetSpentError:
            assert budget.cost + most > cap  # at this moment, even without the others
            outcomes.append(False)
            return
        assert budget.cost + budget._open.answer <= cap
        for _ in range(turns):
            await asyncio.sleep(0)
        budget.settle(reserved, Tokens(0, int(most * share)))
        outcomes.append(True)
        assert budget.cost + budget._open.answer <= cap

    async def run() -> None:
        await asyncio.wait_for(asyncio.gather(*(one(*request) for request in requests)), 10)

    asyncio.run(run())
    assert len(outcomes) == len(requests)
    assert budget.requests == sum(outcomes)
    assert budget._open == Tokens()
