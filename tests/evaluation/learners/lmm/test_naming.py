"""Errors that others than the endpoint's owner read don't say where it is; the log does."""

from __future__ import annotations

import json
import logging

import pytest

from evaluation.learners.lmm import Lmm, LmmOptions
from evaluation.learners.lmm.naming import Naming
from invariantselect.errors import InvariantSelectError, LearnerKeyRefusedError
from tests.client.scripted_server import Answer, Cut, Reply, ScriptedServer, Silence
from tests.evaluation.learners.lmm.endpoints import KEY, asking, completion, picture, question, refusal

GOOD = completion("cat")


def told_of(error: InvariantSelectError) -> str:
    return json.dumps(error.to_problem())


@pytest.mark.parametrize(
    ("status", "code"), [(400, None), (401, None), (404, None), (429, "insufficient_quota"), (500, None)]
)
@pytest.mark.parametrize("told", [True, False])
async def test_what_an_endpoint_says_of_itself_is_told_to_its_owner_alone(
    server: ScriptedServer, status: int, code: str | None, told: bool
) -> None:
    words = f"no route: {server.url}/v1/chat, upstream 127.0.0.1 of {server.url.removeprefix('http://')}"
    server.respond = lambda _: refusal(status, words, code=code)
    async with asking(server, retries=0, tells_address=told) as lmm:
        with pytest.raises(InvariantSelectError) as caught:
            await lmm.answer(question())
    problem = told_of(caught.value)
    assert ("127.0.0.1" in problem) is told
    assert (str(server.server_address[1]) in problem) is told
    assert ("The model's endpoint answers" in problem) is not told
    assert str(status) in problem


@pytest.mark.parametrize("answer", [Cut(GOOD, 0), Cut(GOOD, len(GOOD.raw()) - 5), Silence(), Reply(200, b"?")])
async def test_a_connection_that_fails_is_no_address(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    caplog.set_level(logging.INFO)
    server.respond = lambda _: answer
    async with asking(server, retries=1, timeout_seconds=0.5, tells_address=False) as lmm:
        with pytest.raises(InvariantSelectError) as caught:
            await lmm.answer(question())
    assert "127.0.0.1" not in told_of(caught.value)
    if isinstance(answer, Cut):
        assert f"{server.url}/v1 broke off the connection: " in caplog.text


async def test_a_host_that_cant_be_reached_is_in_the_log_alone(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with asking(server, base_url="http://127.0.0.1:9/v1", retries=0, tells_address=False) as lmm:
        with pytest.raises(InvariantSelectError) as caught:
            await lmm.answer(question())
    assert caught.value.detail == "The model's endpoint can't be reached."
    assert "http://127.0.0.1:9/v1 can't be reached: " in caplog.text


@pytest.mark.parametrize("value", ["", "short"])
def test_the_variable_of_the_key_isnt_told_either(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("LMM_KEY", value)
    options = LmmOptions("m", "https://lmm.example/v1", key_variable="LMM_KEY", tells_address=False)
    with pytest.raises(LearnerKeyRefusedError) as caught:
        Lmm(options, picture=picture, cache=None)
    problem = told_of(caught.value)
    assert "LMM_KEY" not in problem
    assert "lmm.example" not in problem
    assert "LMM_KEY" in caplog.text
    assert "https://lmm.example/v1" in caplog.text


async def test_a_refusal_that_is_kept_as_the_answer_doesnt_say_it(server: ScriptedServer) -> None:
    server.respond = lambda _: refusal(400, f"{server.url} filters this", code="content_filter")
    async with asking(server, tells_address=False) as lmm:
        assert (await lmm.answer(question())).raw == "http://[endpoint] filters this"


async def test_a_setting_is_recognised_though_the_host_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    def respond(request: httpx.Request) -> httpx.Response:
        if "seed" in json.loads(request.content):
            return httpx.Response(400, json={"error": {"message": "'seed' is not supported", "code": None}})
        return httpx.Response(200, content=GOOD.body)

    monkeypatch.setenv("LMM_KEY", KEY)
    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        options = LmmOptions("m", "https://seed/v1", key_variable="LMM_KEY", tells_address=False)
        lmm = Lmm(options, picture=picture, cache=None, http_client=client)
        assert (await lmm.answer(question())).label == "cat"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("https://lmm.example:8/v1/chat", "[endpoint]/chat"),
        ("LMM.example:8 and lmm.example", "[endpoint] and [endpoint]"),
        ("lmm.example.internal:80. So.", "[endpoint]. So."),
        ("my-lmm.example, my.lmm.example, lmm.examples", "my-lmm.example, my.lmm.example, lmm.examples"),
    ],
)
def test_only_the_address_is_left_out(said: str, left: str) -> None:
    assert Naming("https://lmm.example:8/v1", told=False).without_address(said) == left
    assert Naming("https://lmm.example:8/v1").without_address(said) == said
