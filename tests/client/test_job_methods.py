"""Jobs through both clients, against a scripted server: what is sent, what is waited for, where a stream goes on."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from invariantselect import JobProgress
from invariantselect.errors import (
    ConnectionFailedError,
    InvalidRequestError,
    InvariantSelectError,
    JobCancelledError,
    JobNotFoundError,
    PoolNotFoundError,
    TimedOutError,
    UnexpectedResponseError,
)
from tests.client import answered
from tests.client.answered import JOB
from tests.client.driven import Driven
from tests.client.scripted_server import Answer, Cut, Received, Reply, ScriptedServer, as_json, as_problem

SSE = {"Content-Type": "text/event-stream; charset=utf-8"}


def asked(server: ScriptedServer) -> list[tuple[str, str]]:
    return [(request.method, request.target) for request in server.received]


def test_jobs_are_listed_page_by_page_up_to_a_limit(driven: Driven, server: ScriptedServer) -> None:
    server.script(
        as_json({"jobs": [answered.job()] * 1000, "next_cursor": "c"}), as_json({"jobs": [answered.job()] * 200})
    )
    found = driven.do("jobs", pool="skin", state="succeeded", limit=1200)
    assert len(found) == 1200
    assert asked(server) == [
        ("GET", "/v1/jobs?pool=skin&state=succeeded&limit=1000"),
        ("GET", "/v1/jobs?pool=skin&state=succeeded&limit=200&cursor=c"),
    ]


@pytest.mark.parametrize("id", ["", "..", "a/b", "0" * 23, "g" * 24])
def test_an_id_that_no_job_can_have_is_refused_before_it_is_sent(
    driven: Driven, server: ScriptedServer, id: str
) -> None:
    for method in ("job", "job_log", "job_events", "cancel_job", "retry_job", "wait_for_job"):
        with pytest.raises(InvalidRequestError):
            driven.do(method, id)
    assert server.received == []


def test_what_hands_in_a_job_has_a_key_of_its_own_or_yours(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _request: as_json(answered.job("queued"), 202)
    driven.do("rebuild", "skin")
    driven.do("rebuild", "skin")
    driven.do("import_into", "skin", "a.csv", encoder="e", idempotency_key="mine")
    driven.do("retry_job", JOB, idempotency_key="m2")
    keys = [request.headers["idempotency-key"] for request in server.received]
    assert len(set(keys)) == 4
    assert keys[2:] == ["mine", "m2"]
    assert server.received[2].json == {"source": "a.csv", "encoder": "e"}
    assert [target for _, target in asked(server)[::2]] == ["/v1/pools/skin/rebuild", "/v1/pools/skin/import"]
    with pytest.raises(InvalidRequestError, match="idempotency_key"):
        driven.do("rebuild", "skin", idempotency_key="with a space")


def test_a_rebuild_sends_what_was_chosen_and_nothing_else(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _request: as_json(answered.job("queued"), 202)
    driven.do("rebuild", "skin")
    driven.do("rebuild", "skin", recall=0.95)
    driven.do("rebuild", "skin", recall=0.9, keep_vectors=True)
    assert server.received[0].body == b""
    assert [request.json for request in server.received[1:]] == [
        {"recall": 0.95},
        {"recall": 0.9, "keep_vectors": True},
    ]
    with pytest.raises(InvalidRequestError, match="recall"):
        driven.do("rebuild", "skin", recall=1.0)


def test_a_job_is_waited_for_and_its_progress_told_once(driven: Driven, server: ScriptedServer) -> None:
    one, two = {"phase": "encoding", "done": 1, "total": 2}, {"phase": "encoding", "done": 2, "total": 2}
    server.script(
        as_json(answered.job("queued")),
        as_json(answered.job("running", progress=one)),
        as_json(answered.job("running", progress=one)),
        as_json(answered.job("succeeded", progress=two, result={"images": 2})),
    )
    told: list[JobProgress] = []
    ended = driven.do("wait_for_job", JOB, on_progress=told.append)
    assert ended.result == {"images": 2}
    assert [progress.done for progress in told] == [1, 2]
    assert driven.clock.slept == pytest.approx([0.2, 0.3, 0.45])


def test_a_job_that_failed_raises_what_its_worker_raised(driven: Driven, server: ScriptedServer) -> None:
    problem = PoolNotFoundError("there is no pool 'skin'", hint="look").to_problem()
    server.script(as_json(answered.job("failed", error=problem)))
    with pytest.raises(PoolNotFoundError, match="no pool") as caught:
        driven.do("wait_for_job", JOB)
    assert (caught.value.hint, caught.value.context["job_id"]) == ("look", JOB)
    server.script(as_json(answered.job("cancelled")))
    with pytest.raises(JobCancelledError):
        driven.do("wait_for_job", JOB)


def test_waiting_ends_in_time(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _request: as_json(answered.job("running"))
    with pytest.raises(TimedOutError, match="running after 5 s") as caught:
        driven.do("wait_for_job", JOB, timeout=5)
    assert sum(driven.clock.slept) == pytest.approx(5)
    assert "goes on without you" in caught.value.hint


DOWN = [
    Cut(Reply(), after=0),
    Reply(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
    as_problem({"code": "catalog_unavailable", "detail": "it is away"}, 503),
]


@pytest.mark.parametrize("down", DOWN, ids=["cut off", "proxy", "problem"])
def test_a_server_that_is_restarted_is_waited_for(down: Answer, driven: Driven, server: ScriptedServer) -> None:
    def respond(_: Received) -> Answer:
        time = driven.clock.time - began
        if time < 1 or time > 100:
            return as_json(answered.job("running" if time < 1 else "succeeded"))
        return down

    began = driven.clock.time
    server.respond = respond
    assert driven.do("wait_for_job", JOB).state == "succeeded"
    assert 100 < sum(driven.clock.slept) < 120


@pytest.mark.parametrize("down", DOWN, ids=["cut off", "proxy", "problem"])
def test_a_server_that_doesnt_come_back_or_never_was_is_not(
    down: Answer, driven: Driven, server: ScriptedServer
) -> None:
    server.respond = lambda _: down
    with pytest.raises(InvariantSelectError):
        driven.do("wait_for_job", JOB)
    assert sum(driven.clock.slept) < 5

    def slept(**options: float) -> float:
        answers = itertools.chain([as_json(answered.job("running"))], itertools.repeat(down))
        server.respond = lambda _: next(answers)
        driven.clock.slept.clear()
        with pytest.raises(InvariantSelectError):
            driven.do("wait_for_job", JOB, **options)
        return sum(driven.clock.slept)

    assert 300 < slept() < 330
    assert 20 <= slept(timeout=20) < 30
    answers = iter([as_json(answered.job("running"))])
    server.respond = lambda _: next(answers, down)
    with pytest.raises(TimedOutError, match=r"tells nothing of the job .* after 20 s") as caught:
        driven.do("wait_for_job", JOB, timeout=20)
    assert "goes on without you" in caught.value.hint


def test_a_mistake_isnt_waited_for(driven: Driven, server: ScriptedServer) -> None:
    gone = as_problem({"code": "job_not_found", "detail": "there is none"}, 404)
    server.script(as_json(answered.job("running")), gone)
    with pytest.raises(JobNotFoundError):
        driven.do("wait_for_job", JOB)
    assert len(server.received) == 2


@pytest.mark.parametrize("down", DOWN, ids=["cut off", "proxy", "problem"])
def test_a_stream_goes_on_when_its_server_is_restarted(down: Answer, driven: Driven, server: ScriptedServer) -> None:
    events = [answered.event(1, state="running"), answered.event(2, state="succeeded")]

    def respond(request: Received) -> Answer:
        if request.headers.get("last-event-id") is None:
            whole = Reply(200, answered.stream(*events), SSE)
            return Cut(whole, after=whole.raw().index(b"id: 2") + 5)
        if driven.clock.time - began < 100:
            return down
        return Reply(200, answered.stream(*events[1:]), SSE)

    began = driven.clock.time
    server.respond = respond
    assert [each.number for each in driven.do("job_events", JOB)] == [1, 2]
    assert 100 <= driven.clock.time - began < 120


def test_a_stream_that_breaks_goes_on_behind_its_last_event(driven: Driven, server: ScriptedServer) -> None:
    events = [
        answered.event(1, state="queued"),
        answered.event(2, state="running"),
        answered.event(3, text="a ü line\nand more"),
        answered.event(4, progress={"phase": "encoding", "done": 1, "total": 1}),
        answered.event(5, state="succeeded"),
    ]
    whole = answered.stream(*events)
    places = [whole.index(b"id: 3") + 20, whole.index(b"id: 2"), len(whole) - 1]

    def respond(request: Received) -> Any:
        last = int(request.headers.get("last-event-id", "0"))
        rest = answered.stream(*events[last:])
        if places:
            reply = Reply(200, rest, SSE)
            return Cut(reply, after=len(reply.raw()) - len(rest) + min(places.pop(0), len(rest) - 1))
        return Reply(200, rest, SSE)

    server.respond = respond
    found = driven.do("job_events", JOB)
    assert [each.number for each in found] == [1, 2, 3, 4, 5]
    assert found[2].text == "a ü line\nand more"
    assert found[3].progress.done == 1
    assert len(server.received) > 2


def test_a_job_that_was_retried_is_followed_past_its_first_end(driven: Driven, server: ScriptedServer) -> None:
    events = [answered.event(number, state=state) for number, state in enumerate(("failed", "queued", "succeeded"), 1)]
    first, whole = Reply(200, answered.stream(*events[:1]), SSE), Reply(200, answered.stream(*events), SSE)
    server.script(whole)
    assert [each.number for each in driven.do("job_events", JOB)] == [1, 2, 3]
    lost = Cut(whole, after=len(whole.raw()) - len(whole.body) + len(first.body))  # right behind the first end
    server.script(lost, Reply(200, answered.stream(*events[1:]), SSE))
    assert [each.number for each in driven.do("job_events", JOB)] == [1, 2, 3]


def test_a_stream_that_is_over_is_not_asked_for_again(driven: Driven, server: ScriptedServer) -> None:
    server.script(Reply(204))
    assert driven.do("job_events", JOB, after=7) == []
    assert [request.headers["last-event-id"] for request in server.received] == ["7"]


def test_streams_that_bring_nothing_are_given_up(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _request: Reply(200, b"", SSE)
    with pytest.raises(ConnectionFailedError, match="again and again"):
        driven.do("job_events", JOB)
    assert len(server.received) == 3


def test_streams_that_break_in_their_first_event_are_given_up(driven: Driven, server: ScriptedServer) -> None:
    whole = Reply(200, answered.stream(answered.event(1, state="running")), SSE)
    server.respond = lambda _: Cut(whole, after=len(whole.raw()) - 3)
    with pytest.raises(ConnectionFailedError, match="again and again"):
        driven.do("job_events", JOB)
    assert len(server.received) < 10


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (as_problem({"code": "job_not_found", "detail": "no"}, 404), JobNotFoundError),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), UnexpectedResponseError),
        (Reply(200, b"data: {}\n\n", SSE), UnexpectedResponseError),
    ],
)
def test_what_is_no_stream_of_events_is_an_error(
    driven: Driven, server: ScriptedServer, reply: Reply, error: type[Exception]
) -> None:
    server.script(reply)
    with pytest.raises(error):
        driven.do("job_events", JOB)


def test_a_log_is_read_to_its_end(driven: Driven, server: ScriptedServer) -> None:
    server.script(
        as_json({"lines": [answered.event(3, text="a")], "next_after": 3}),
        as_json({"lines": [answered.event(5, text="b")]}),
    )
    assert [line.text for line in driven.do("job_log", JOB)] == ["a", "b"]
    assert asked(server)[1] == ("GET", f"/v1/jobs/{JOB}/log?after=3")
