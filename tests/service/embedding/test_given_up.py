"""What a thread does for a request ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from contextvars import Context, copy_context

import pytest

from invariantselect.errors import TimedOutError
from service.embedding.engine import Engine
from service.embedding.given_up import check_wanted, wanted
from service.metrics import Metrics


async def test_what_has_begun_on_a_thread_ends_when_its_request_is_over() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            while not ended.wait(0.001):
                check_wanted()
        except TimedOutError:
            ended.set()

    async def ask() -> None:
        with wanted():
            await engine.run(work)

    engine = Engine(1, 10, Metrics())
    try:
        asking = asyncio.create_task(ask())
        assert await asyncio.to_thread(begun.wait, 20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(ended.wait, 20)
        assert await engine.run(lambda: 7) == 7  # the thread is free again
    finally:
        ended.set()
        engine.close()


def goes_on(context: Context) -> bool:
    try:
        context.run(check_wanted)
    except TimedOutError:
        return False
    return True


def test_what_is_done_for_nobody_or_for_several_goes_on() -> None:
    nobody = copy_context()
    with wanted():
        outer = copy_context()
        with wanted():
            inner = copy_context()
            assert [goes_on(each) for each in (nobody, outer, inner, Context())] == [True] * 4
        assert [goes_on(each) for each in (nobody, outer, inner, Context())] == [True, True, False, True]
    assert [goes_on(each) for each in (nobody, outer, inner, Context())] == [True, False, False, True]
