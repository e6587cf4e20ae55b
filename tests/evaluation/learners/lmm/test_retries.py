"""What is asked again and when, what isn't, and what is said then."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from evaluation.learners.lmm.endpoint import _pause
from invariantselect.errors import (
    InvariantSelectError,
    LearnerKeyRefusedError,
    LearnerModelUnknownError,
    LearnerRequestRefusedError,
    LearnerResponseInvalidError,
    LearnerUnreachableError,
)
from tests.client.scripted_server import Answer, Cut, Received, Reply, ScriptedServer, Silence, as_json
from tests.evaluation.learners.lmm.endpoints import Naps, asking, completion, question, refusal

GOOD = completion("Answer: cat")


@pytest.mark.parametrize(
    "failure",
    [
        refusal(429, "slow down"),
        refusal(408, "too slow"),
        refusal(409, "conflict"),
        refusal(500, "oops"),
        Reply(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
        refusal(503, "loading"),
        Cut(GOOD, 0),
        Cut(GOOD, len(GOOD.raw()) - 5),
        Reply(200, b"", {"Content-Type": "application/json"}),
        Reply(200, b'{"choices": [', {"Content-Type": "application/json"}),
        Reply(200, b"<html>hello</html>", {"Content-Type": "text/html"}),
        Reply(200, b"\xff\xfe\x00", {"Content-Type": "application/json"}),
        as_json([1, 2]),
        as_json({"choices": []}),
        as_json({"choices": [{"message": {"content": 5}}]}),
        as_json({"error": {"message": "upstream failed"}}),
    ],
)
async def test_what_may_pass_is_asked_again(server: ScriptedServer, failure: Answer) -> None:
    server.script(failure, failure, GOOD)
    naps = Naps()
    async with asking(server, sleep=naps) as lmm:
        assert (await lmm.answer(question())).label == "cat"
        assert lmm.spent.requests == 3
    assert len({received.body for received in server.received}) == 1
    assert len(naps.taken) == 2
    assert 0 <= naps.taken[0] <= 0.5
    assert 0 <= naps.taken[1] <= 1.0


async def test_retries_are_bounded_and_grow_apart(server: ScriptedServer) -> None:
    server.respond = lambda _: refusal(500, "oops")
    naps = Naps()
    async with asking(server, sleep=naps, retries=7) as lmm:
        with pytest.raises(LearnerUnreachableError, match="answers 500: oops"):
            await lmm.answer(question())
    assert len(server.received) == 8
    assert all(nap <= min(8.0, 0.5 * 2**place) for place, nap in enumerate(naps.taken))
    assert len(set(naps.taken)) == 7


async def test_it_is_asked_as_often_as_can_be_said(server: ScriptedServer) -> None:
    server.respond = lambda _: refusal(500, "oops")
    naps = Naps()
    async with asking(server, sleep=naps, retries=100) as lmm:
        with pytest.raises(LearnerUnreachableError):
            await lmm.answer(question())
    assert len(server.received) == 101
    assert max(naps.taken) <= 8.0


@pytest.mark.parametrize("attempt", [0, 4, 5, 1_024, 10**9])
def test_pauses_have_an_end(attempt: int) -> None:
    assert 0 <= _pause(attempt, None) <= 8.0


async def test_retry_after_is_obeyed_in_seconds_and_as_a_date(server: ScriptedServer) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server.script(refusal(429, "slow down", {"Retry-After": "7"}), refusal(503, "loading", {"Retry-After": date}), GOOD)
    naps = Naps()
    async with asking(server, sleep=naps) as lmm:
        await lmm.answer(question())
    assert 7 <= naps.taken[0] <= 7.5
    assert 80 <= naps.taken[1] <= 90.5


async def test_an_endpoint_that_wants_to_be_left_alone_for_long_is_left_alone(server: ScriptedServer) -> None:
    server.script(refusal(429, "come back tomorrow", {"Retry-After": "3600"}))
    naps = Naps()
    async with asking(server, sleep=naps) as lmm:
        with pytest.raises(LearnerUnreachableError, match="come back tomorrow") as caught:
            await lmm.answer(question())
    assert caught.value.context == {"retry_after": 3600.0}
    assert (len(server.received), naps.taken) == (1, [])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(401, "Incorrect API key provided"), LearnerKeyRefusedError),
        (refusal(403, "not for you"), LearnerKeyRefusedError),
        (refusal(402, "pay first"), LearnerKeyRefusedError),
        (refusal(429, "You exceeded your current quota", code="insufficient_quota"), LearnerKeyRefusedError),
        (refusal(404, "The model `tiny` does not exist", code="model_not_found"), LearnerModelUnknownError),
        (as_json({"detail": "Not Found"}, 404), LearnerModelUnknownError),
        (as_json({"detail": "Server is pinned to 'large'; requested 'tiny'."}, 400), LearnerModelUnknownError),
        (refusal(400, "maximum context length is 10 tokens; reduce max_tokens"), LearnerRequestRefusedError),
        (refusal(413, "too large"), LearnerRequestRefusedError),
        (refusal(501, "not here"), LearnerRequestRefusedError),
        (Reply(307, b"", {"Location": "http://192.0.2.1/v1/chat/completions"}), LearnerRequestRefusedError),
    ],
)
async def test_what_wont_pass_is_asked_once_and_said(
    server: ScriptedServer, answer: Answer, kind: type[InvariantSelectError]
) -> None:
    server.respond = lambda _: answer
    async with asking(server) as lmm:
        with pytest.raises(kind) as caught:
            await lmm.answer(question())
        assert lmm.spent.cost == lmm.spent.prompt_tokens == 0
    assert len(server.received) == 1
    assert caught.value.hint
    assert str(answer.status) in caught.value.detail  # type: ignore[union-attr]


async def test_a_body_that_stays_unreadable_is_said_to_be(server: ScriptedServer) -> None:
    server.respond = lambda _: as_json({"choices": [{"message": {"content": 5}}]})
    async with asking(server, retries=1) as lmm:
        with pytest.raises(LearnerResponseInvalidError, match=r"choices\.0\.message\.content"):
            await lmm.answer(question())
    assert len(server.received) == 2


async def test_an_endpoint_that_isnt_there_costs_nothing(server: ScriptedServer) -> None:
    async with asking(server, base_url="http://127.0.0.1:9/v1", retries=2, price_in=1.0) as lmm:
        with pytest.raises(LearnerUnreachableError, match=r"127\.0\.0\.1:9"):
            await lmm.answer(question())
        assert (lmm.spent.requests, lmm.spent.cost) == (3, 0.0)


async def test_an_endpoint_that_never_answers_is_given_up(server: ScriptedServer) -> None:
    server.respond = lambda _: Silence()
    async with asking(server, timeout_seconds=0.2, retries=1, price_out=1e6) as lmm:
        with pytest.raises(LearnerUnreachableError, match="did not answer in time"):
            await lmm.answer(question())
        assert lmm.spent.cost == 2 * 64  # both may have been billed in full
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("seed", refusal(400, "Unsupported parameter: 'seed' is not supported with this model.", param="seed")),
        ("temperature", refusal(400, "Only the default (1) value", param="temperature", code="unsupported_value")),
        ("logprobs", refusal(403, "You are not allowed to request logprobs from this model")),
        ("logprobs", refusal(400, "Logprobs is not enabled for this model")),
        ("logprobs", refusal(400, "'logprobs' is not supported with 'tiny'")),
        ("logprobs", as_json({"detail": "Unexpected fields in the request: {'logprobs'}"}, 422)),
        ("max_tokens", refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")),
    ],
)
async def test_a_setting_that_an_endpoint_refuses_is_left_out_and_remembered(
    server: ScriptedServer, tmp_path: object, name: str, told: Reply
) -> None:
    server.respond = lambda request: told if name in request.json else GOOD
    async with asking(server, tmp_path, concurrency=1) as lmm:  # type: ignore[arg-type]
        for query in ("q0", "q1", "q2"):
            assert (await lmm.answer(question(query))).label == "cat"
    assert len(server.received) == 4
    assert server.received[-1].json.get("max_completion_tokens") == (64 if name == "max_tokens" else None)
    async with asking(server, tmp_path) as again:  # type: ignore[arg-type]
        await asyncio.gather(*(again.answer(question(query)) for query in ("q2", "q1", "q0")))
        await again.answer(question("q3"))
    assert len(server.received) == 5


async def test_a_refusal_that_leaving_out_doesnt_help_is_raised_and_not_remembered(
    server: ScriptedServer, tmp_path: object
) -> None:
    def respond(request: Received) -> Reply:
        return refusal(400, "unknown trouble with seed and temperature")

    server.respond = respond
    async with asking(server, tmp_path) as lmm:  # type: ignore[arg-type]
        with pytest.raises(LearnerRequestRefusedError):
            await lmm.answer(question())
        assert lmm.spent.requests == 3
        server.respond = lambda _: GOOD
        await lmm.answer(question())
    assert {"seed", "temperature"} <= set(server.received[-1].json)
