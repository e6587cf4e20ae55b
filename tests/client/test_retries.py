"""What is safe and may help is repeated, at the pace the server asks for; nothing else is."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariantselect import NewDemonstration, Query
from invariantselect.errors import (
    CatalogUnavailableError,
    ConnectionFailedError,
    EncoderUnavailableError,
    InternalError,
    NotReadyError,
    OverloadedError,
    PayloadTooLargeError,
    PoolExistsError,
    TimedOutError,
    UnexpectedResponseError,
)
from invariantselect.retries import LONGEST_RETRY_AFTER_S, retry_after_seconds
from tests.client import answered
from tests.client.answered import JOB, PNG
from tests.client.conftest import Connect
from tests.client.driven import Driven, FakeClock
from tests.client.scripted_server import (
    Answer,
    Cut,
    Reply,
    ScriptedServer,
    Silence,
    as_json,
    as_problem,
)

BUSY = as_problem({"code": "overloaded", "detail": "the queue is full"}, 429, {"Retry-After": "3"})
DOWN = Reply(503, b"<html>down for a moment</html>", {"Content-Type": "text/html"})
POOLS = as_json({"pools": []})
EVENTS = Reply(200, answered.stream(answered.event(1, state="succeeded")), {"Content-Type": "text/event-stream"})

REPEATABLE: dict[str, tuple[tuple[Any, ...], dict[str, Any], Reply]] = {
    "pools": ((), {}, POOLS),
    "pool": (("skin",), {}, as_json(answered.pool())),
    "get": (("skin", "a"), {}, as_json(answered.demonstration())),
    "get_many": (("skin", ["a"]), {}, as_json({"demonstrations": []})),
    "page": (("skin",), {}, as_json({"demonstrations": []})),
    "iterate": (("skin",), {}, as_json({"demonstrations": []})),
    "patch": (("skin", "a"), {"label": "b"}, as_json(answered.demonstration())),
    "relabel": (("skin", {"a": "b"}), {}, as_json(answered.outcomes(["a"]))),
    "delete": (("skin", "a"), {}, as_json(answered.outcomes(["a"]))),
    "upsert": (("skin", [NewDemonstration("a", PNG, "x")]), {}, as_json(answered.outcomes(["a"]))),
    "iterate_upsert": (("skin", [NewDemonstration("a", PNG, "x")]), {}, as_json(answered.outcomes(["a"]))),
    "image": (("skin", "a"), {}, Reply(200, PNG)),
    "select": (("skin", Query(id="q")), {"images": False}, as_json(answered.selection([]))),
    "select_batch": (
        ("skin", [Query(id="q")]),
        {"images": False},
        as_json({"selections": [answered.selection([])], "failed": 0}),
    ),
    "compare": (
        ("skin", Query(id="q")),
        {"images": False},
        as_json(answered.comparison({"topk_nearest": [], "invariant_select": []})),
    ),
    "embed": ((PNG,), {}, as_json(answered.embeddings([[1.0]]))),
    "encoders": ((), {}, as_json({"encoders": []})),
    "ready": ((), {}, Reply(200)),
    "jobs": ((), {}, as_json({"jobs": []})),
    "job": ((JOB,), {}, as_json(answered.job())),
    "job_events": ((JOB,), {}, EVENTS),
    "job_log": ((JOB,), {}, as_json({"lines": []})),
    "wait_for_job": ((JOB,), {}, as_json(answered.job())),
    "cancel_job": ((JOB,), {}, as_json(answered.job("cancelled"))),
    "retry_job": ((JOB,), {}, as_json(answered.job("queued"), 202)),
    "adapt": (("skin",), {}, as_json(answered.job("queued"), 202)),
    "evaluate": (("skin",), {}, as_json(answered.job("queued"), 202)),
    "report": ((JOB,), {}, Reply(200, b"page")),
    "encoder_versions": (("skin",), {}, as_json({"versions": []})),
    "rebuild": (("skin",), {}, as_json(answered.job("queued"), 202)),
    "import_into": (("skin", "a.csv"), {}, as_json(answered.job("queued"), 202)),
}
UNSAFE = {
    "create_pool": (("skin",), as_json(answered.pool(), 201)),
    "drop_pool": (("skin",), Reply(204)),
    "rollback": (("skin",), as_json({"versions": []})),
    "discard_encoder_version": (("skin", 2), Reply(204)),
}

LOST = [Cut(Reply(), after=0), Cut(Reply(200, b"x" * 100), after=80)]


@pytest.mark.parametrize("lost", LOST, ids=["before the answer", "in the middle of the answer"])
@pytest.mark.parametrize("method", REPEATABLE)
def test_a_lost_answer_of_a_safe_call_is_asked_for_again(
    driven: Driven, server: ScriptedServer, method: str, lost: Answer
) -> None:
    args, kwargs, good = REPEATABLE[method]
    server.script(lost, good)
    driven.do(method, *args, **kwargs)
    first, second = server.received
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert len(driven.clock.slept) == 1


@pytest.mark.parametrize("lost", LOST, ids=["before the answer", "in the middle of the answer"])
@pytest.mark.parametrize("method", UNSAFE)
def test_an_unsafe_call_that_may_have_arrived_is_never_repeated(
    driven: Driven, server: ScriptedServer, method: str, lost: Answer
) -> None:
    args, good = UNSAFE[method]
    server.script(lost, good)
    with pytest.raises(ConnectionFailedError, match="broke off"):
        driven.do(method, *args)
    assert len(server.received) == 1


@pytest.mark.parametrize("trouble", [BUSY, DOWN])
@pytest.mark.parametrize("method", UNSAFE)
def test_an_unsafe_call_that_was_answered_is_never_repeated(
    driven: Driven, server: ScriptedServer, method: str, trouble: Reply
) -> None:
    args, good = UNSAFE[method]
    server.script(trouble, good)
    with pytest.raises((OverloadedError, UnexpectedResponseError)):
        driven.do(method, *args)
    assert len(server.received) == 1


@pytest.mark.parametrize("method", [*UNSAFE, "pool"])
def test_any_call_that_never_left_is_tried_again(kind: Any, unused_tcp_port: int, method: str) -> None:
    driven = Driven(kind, f"http://127.0.0.1:{unused_tcp_port}")
    args, _ = UNSAFE.get(method, (("skin",), None))
    with pytest.raises(ConnectionFailedError, match="can't be reached"):
        driven.do(method, *args)
    assert len(driven.clock.slept) == 2
    driven.close()


def test_a_busy_server_is_waited_for_as_long_as_it_asks(driven: Driven, server: ScriptedServer) -> None:
    server.script(BUSY, BUSY, POOLS)
    assert driven.do("pools") == []
    assert driven.clock.slept == [3.25, 3.25]


def test_a_date_in_retry_after_is_obeyed(driven: Driven, server: ScriptedServer) -> None:
    date = format_datetime(datetime.fromtimestamp(driven.clock.now() + 7, UTC), usegmt=True)
    server.script(as_problem({"code": "not_ready"}, 503, {"Retry-After": date}), POOLS)
    assert driven.do("pools") == []
    assert driven.clock.slept == [7.25]


def test_a_server_cannot_make_a_client_wait_for_hours(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "overloaded"}, 429, {"Retry-After": "86400"}), POOLS)
    driven.do("pools")
    assert driven.clock.slept == [LONGEST_RETRY_AFTER_S + 0.25]


def test_without_retry_after_the_pauses_double_up_to_a_limit(connect: Connect, server: ScriptedServer) -> None:
    server.respond = lambda _request: DOWN
    driven = connect(max_retries=7)
    with pytest.raises(UnexpectedResponseError, match="down for a moment"):
        driven.do("pools")
    assert driven.clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert len(server.received) == 8


def test_the_whole_pause_is_left_to_chance(connect: Connect, server: ScriptedServer) -> None:
    server.script(DOWN, DOWN, POOLS)
    driven = connect()
    chances = iter([0.0, 0.9, 0.1])
    driven.client._transport.chance = lambda: next(chances)
    driven.do("pools")
    assert driven.clock.slept == [0.0, 0.9]


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_passing_trouble_is_repeated(driven: Driven, server: ScriptedServer, status: int) -> None:
    server.script(Reply(status, b"trouble", {"Content-Type": "text/plain"}), POOLS)
    assert driven.do("pools") == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 500, 501])
def test_what_waiting_does_not_cure_is_not_repeated(driven: Driven, server: ScriptedServer, status: int) -> None:
    server.script(Reply(status, b"trouble", {"Content-Type": "text/plain"}), POOLS)
    with pytest.raises(PayloadTooLargeError if status == 413 else UnexpectedResponseError):
        driven.do("pools")
    assert len(server.received) == 1


def test_a_missing_encoder_is_not_waited_for(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "encoder_unavailable", "detail": "no weights"}, 503), POOLS)
    with pytest.raises(EncoderUnavailableError):
        driven.do("pools")
    assert driven.clock.slept == []


@pytest.mark.parametrize(
    ("code", "status", "cls"),
    [
        ("overloaded", 429, OverloadedError),
        ("catalog_unavailable", 503, CatalogUnavailableError),
        ("not_ready", 503, NotReadyError),
    ],
)
def test_when_patience_is_used_up_the_last_error_is_raised(
    driven: Driven, server: ScriptedServer, code: str, status: int, cls: type[Exception]
) -> None:
    server.respond = lambda _request: as_problem({"code": code, "detail": code}, status, {"Retry-After": "1"})
    with pytest.raises(cls) as caught:
        driven.do("pools")
    assert len(server.received) == 3
    assert caught.value.context["retry_after"] == 1.0  # type: ignore[attr-defined]


def test_no_retries_means_one_attempt(connect: Connect, server: ScriptedServer) -> None:
    server.script(BUSY, POOLS)
    with pytest.raises(OverloadedError):
        connect(max_retries=0).do("pools")
    assert len(server.received) == 1


def test_options_change_patience_for_one_call_only(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _request: BUSY
    hasty = driven.client.with_options(max_retries=0)
    with pytest.raises(OverloadedError):
        driven.wait_for(hasty.pools)
    assert len(server.received) == 1
    with pytest.raises(OverloadedError):
        driven.do("pools")
    assert len(server.received) == 4


def test_a_slow_answer_is_timed_out_and_asked_for_again(connect: Connect, server: ScriptedServer) -> None:
    server.script(Silence(), POOLS)
    assert connect(timeout=0.2).do("pools") == []
    assert len(server.received) == 2


def test_a_server_that_stays_silent_is_a_timeout(connect: Connect, server: ScriptedServer) -> None:
    server.respond = lambda _request: Silence()
    driven = connect(max_retries=0)
    with pytest.raises(TimedOutError, match="waiting for the answer"):
        driven.wait_for(driven.client.with_options(timeout=0.1).pools)


def test_a_pool_made_by_an_attempt_whose_answer_was_lost_is_not_reported_as_anothers(
    driven: Driven, server: ScriptedServer
) -> None:
    server.script(Cut(as_json(answered.pool(), 201), after=30), as_problem({"code": "pool_exists"}, 409))
    with pytest.raises(ConnectionFailedError):
        driven.do("create_pool", "skin")
    with pytest.raises(PoolExistsError):
        driven.do("create_pool", "skin")


def test_each_image_of_a_selection_is_repeated_on_its_own(driven: Driven, server: ScriptedServer) -> None:
    lock, failed = threading.Lock(), set()

    def respond(request: Any) -> Answer:
        if request.path.endswith("/select"):
            return as_json(answered.selection([str(i) for i in range(12)]))
        with lock:
            first_time = request.path not in failed
            failed.add(request.path)
        return DOWN if first_time else Reply(200, PNG)

    server.respond = respond
    assert driven.do("select", "skin", PNG).image("11") == PNG
    assert len(driven.clock.slept) == 12


def test_a_defect_of_the_server_is_raised_at_once(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "internal_error", "detail": "a defect"}, 500, {"X-Request-ID": "r-1"}))
    with pytest.raises(InternalError, match="a defect") as caught:
        driven.do("pools")
    assert caught.value.context["request_id"] == "r-1"


def test_repeats_are_logged_by_path_and_code(
    driven: Driven, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "invariantselect")
    server.script(BUSY, POOLS)
    driven.do("pools")
    assert "GET /v1/pools failed (overloaded); again in 3.25 s" in caplog.messages


@given(
    st.one_of(
        st.text("0123456789.-+: ,ADGMNOTadeiou²\x00"), st.integers().map(str), st.datetimes().map(format_datetime)
    )
)
def test_any_retry_after_is_understood_or_ignored(header: str) -> None:
    seconds = retry_after_seconds(header, FakeClock().now())
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("Tue, 14 Nov 2023 22:13:25 GMT", 5.0),
        ("Tue, 14 Nov 2023 22:13:25 -0000", 5.0),
        ("Tue, 14 Nov 2023 22:13:15 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, 1_700_000_000.0) == seconds
