"""The key goes to the endpoint and nowhere else."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evaluation.learners.lmm import Lmm, LmmOptions
from invariantselect.errors import InvalidRequestError, InvariantSelectError, LearnerKeyRefusedError
from tests.client.scripted_server import Reply, ScriptedServer, as_json, serving
from tests.evaluation.learners.lmm.endpoints import KEY, asking, completion, picture, question, refusal


@pytest.fixture(autouse=True)
def _a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMM_KEY", KEY)


ECHOES = [
    refusal(401, f"Incorrect API key provided: {KEY}"),
    refusal(401, f"Incorrect API key provided: {KEY[:12]}****{KEY[-4:]}"),
    refusal(400, f"what is {KEY}?"),
    refusal(500, f"{KEY} broke it"),
    as_json({"detail": {"headers": f"Bearer {KEY}"}}, 422),
    Reply(404, f"<p>{KEY}</p>".encode(), {"Content-Type": "text/html"}),
    as_json({KEY: KEY}),
    as_json({"choices": [{"message": {"content": {KEY: KEY}}}]}),
]


@pytest.mark.parametrize("echo", ECHOES)
async def test_it_is_in_no_error_log_file_or_name(
    server: ScriptedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, echo: Reply
) -> None:
    caplog.set_level(logging.DEBUG)
    server.respond = lambda _: echo
    async with asking(server, tmp_path, key_variable="LMM_KEY", retries=1) as lmm:
        with pytest.raises(InvariantSelectError) as caught:
            await lmm.answer(question())
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
        told = ["".join(traceback.format_exception(caught.value)), repr(caught.value.to_problem()), lmm.name, repr(lmm)]
    _assert_absent(told, tmp_path, caplog)


async def test_it_isnt_kept_when_a_model_repeats_it(
    server: ScriptedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(completion(f"cat {KEY}"), refusal(400, f"no: {KEY}", code="content_filter"))
    async with asking(server, tmp_path, key_variable="LMM_KEY") as lmm:
        answers = [await lmm.answer(question(query)) for query in ("q0", "q1")]
    assert [answer.label for answer in answers] == ["cat", None]
    _assert_absent([repr(answers)], tmp_path, caplog)


def _assert_absent(told: list[str], folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    logs = [record.getMessage() + str(record.exc_text) for record in caplog.records]
    everything = [*told, *map(str, files), *(path.read_bytes().decode() for path in files), *logs, caplog.text]
    leaked = [part for part in (KEY, KEY[:12], KEY[-10:]) if any(part in text for text in everything)]
    assert not leaked


async def test_an_endpoint_of_this_machine_needs_none(server: ScriptedServer) -> None:
    server.respond = lambda _: completion("cat")
    async with asking(server, key_variable="NO_SUCH_KEY") as lmm:
        await lmm.answer(question())
    assert "authorization" not in server.received[0].headers


async def test_it_isnt_sent_in_the_clear_to_another_machine() -> None:
    lmm = Lmm(LmmOptions("m", "http://lmm.example/v1", key_variable="LMM_KEY"), picture=picture, cache=None)
    assert lmm._endpoint._key is None
    await lmm.aclose()


@pytest.mark.parametrize(
    "value", [None, "", "  ", "short", "sk-with a space in it", "sk-0123456789-é", "sk-0123\n456789"]
)
def test_an_endpoint_elsewhere_needs_a_key_that_can_be_one(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("LMM_KEY")
    else:
        monkeypatch.setenv("LMM_KEY", value)
    with pytest.raises(LearnerKeyRefusedError, match="LMM_KEY") as caught:
        Lmm(LmmOptions("m", "https://lmm.example/v1", key_variable="LMM_KEY"), picture=picture, cache=None)
    assert not (value or "").strip() or value not in str(caught.value)


async def test_a_redirect_isnt_followed(server: ScriptedServer) -> None:
    server.respond = lambda _: Reply(307, b"", {"Location": f"{server.url}/elsewhere"})
    async with asking(server, key_variable="LMM_KEY") as lmm:
        with pytest.raises(InvariantSelectError):
            await lmm.answer(question())
    assert [received.path for received in server.received] == ["/v1/chat/completions"]


def test_an_address_of_the_environment_is_checked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://user:{KEY}@lmm.example/v1")
    with pytest.raises(InvalidRequestError) as caught:
        Lmm(LmmOptions("m", key_variable="LMM_KEY"), picture=picture, cache=None)
    assert KEY not in str(caught.value) + caught.value.hint


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """Everything that goes by the environment's proxy is answered by this server."""
    with serving() as between:
        between.respond = lambda _: completion("dog")
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name.lower(), between.url)
            monkeypatch.setenv(name, between.url)
        yield between


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_proxy_stands_before_this_machine(server: ScriptedServer, proxy: ScriptedServer, host: str) -> None:
    server.respond = lambda _: completion("cat")
    address = server.url.replace("127.0.0.1", host)
    async with asking(server, key_variable="LMM_KEY", base_url=f"{address}/v1") as lmm:
        assert (await lmm.answer(question())).label == "cat"
    assert proxy.received == []
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.fixture
def _more_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-secret")
    lines = ("X-Gateway-Key: gateway-secret", " authorization : a secret", "no header", "OPENAI-project:secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "\n".join(lines))


@pytest.mark.usefixtures("_more_secrets")
async def test_over_plain_http_nothing_else_of_the_environment_is_sent(
    server: ScriptedServer, proxy: ScriptedServer
) -> None:
    server.respond = lambda _: completion("cat")
    for variable, address in (("LMM_KEY", server.url), ("NO_SUCH_KEY", server.url), ("LMM_KEY", "http://lmm.example")):
        async with asking(server, key_variable=variable, base_url=f"{address}/v1") as lmm:
            await lmm.answer(question())
    [with_key, without], [elsewhere] = server.received, proxy.received
    assert elsewhere.target.startswith("http://lmm.example/")
    assert with_key.headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in {*without.headers, *elsewhere.headers}
    for received in (with_key, without, elsewhere):
        assert not [value for value in received.headers.values() if "secret" in value]
        assert not {"x-gateway-key", "openai-project", "openai-organization"} & set(received.headers)


@pytest.mark.usefixtures("_more_secrets")
async def test_over_https_the_headers_of_the_environment_are_sent() -> None:
    received: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(200, content=completion("cat").body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        options = LmmOptions("m", "https://lmm.example/v1", key_variable="LMM_KEY")
        await Lmm(options, picture=picture, cache=None, http_client=client).answer(question())
    assert received[0].headers["x-gateway-key"] == "gateway-secret"
    assert received[0].headers["openai-organization"] == "org-secret"
