"""The class that the server raises is the class that the client raises; anything else is told for what it is."""

from __future__ import annotations

import json

import pytest

from invariantselect import InvariantSelectError
from invariantselect.errors import ERRORS, UnexpectedResponseError
from tests.client.conftest import Connect
from tests.client.driven import Driven
from tests.client.scripted_server import Reply, ScriptedServer, as_json, as_problem


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_error_arrives_as_the_class_it_was_raised_as(connect: Connect, server: ScriptedServer, code: str) -> None:
    cls = ERRORS[code]
    raised = cls("what happened to 'skin'", hint="do this", pool="skin", errors=[{"field": "k"}])
    server.script(as_problem(raised.to_problem(instance="/v1/pools"), cls.status))
    with pytest.raises(InvariantSelectError) as caught:
        connect(max_retries=0).do("pools")
    assert type(caught.value) is cls
    assert (str(caught.value), caught.value.hint) == ("what happened to 'skin'", "do this")
    assert caught.value.context == {"pool": "skin", "errors": [{"field": "k"}]}


def test_a_code_of_a_newer_server_keeps_its_detail(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "moon_too_full", "detail": "the moon is full", "phase": 1}, 409))
    with pytest.raises(UnexpectedResponseError, match="the moon is full") as caught:
        driven.do("pools")
    assert caught.value.context == {"phase": 1, "status_received": 409}


def test_extension_members_with_awkward_names_do_no_harm(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "pool_not_found", "detail": "gone", "self": 1, "cls": 2}, 404))
    with pytest.raises(ERRORS["pool_not_found"], match="gone") as caught:
        driven.do("pools")
    assert caught.value.context == {"self": 1, "cls": 2}


def test_a_page_of_a_proxy_is_quoted_briefly(connect: Connect, server: ScriptedServer) -> None:
    page = b"<html>\n<h1>502 Bad\x07 Gateway</h1>" + b"nginx " * 5000
    server.script(Reply(502, page, {"Content-Type": "text/html; charset=utf-8", "X-Request-ID": "r-2"}))
    with pytest.raises(UnexpectedResponseError, match="502 with text/html beginning '<html> <h1>502 Bad") as caught:
        connect(max_retries=0).do("pools")
    assert len(str(caught.value)) < 300
    assert "\x07" not in str(caught.value)
    assert caught.value.context == {"status_received": 502, "request_id": "r-2"}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'"text"', b"\xff\xfe"])
def test_a_problem_that_is_no_object_is_unexpected(driven: Driven, server: ScriptedServer, body: bytes) -> None:
    server.script(Reply(404, body, {"Content-Type": "application/problem+json"}))
    with pytest.raises(UnexpectedResponseError, match="404") as caught:
        driven.do("pools")
    assert caught.value.context["status_received"] == 404


def test_json_of_another_server_is_unexpected(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json({"detail": "Not Found"}, 404))
    with pytest.raises(UnexpectedResponseError, match="Not Found"):
        driven.do("pools")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>welcome</html>", b"{", b"[]", b'{"pools": 3}', json.dumps({"pools": [{"name": "x"}]}).encode()],
)
def test_an_answer_of_the_wrong_shape_is_unexpected(driven: Driven, server: ScriptedServer, body: bytes) -> None:
    server.script(Reply(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(UnexpectedResponseError, match="not a PoolList"):
        driven.do("pools")


def test_a_redirect_is_not_followed_and_says_where_it_leads(driven: Driven, server: ScriptedServer) -> None:
    server.script(Reply(307, b"", {"Location": "https://elsewhere.example/v1/pools"}))
    with pytest.raises(UnexpectedResponseError, match=r"elsewhere\.example") as caught:
        driven.do("pools")
    assert "base_url" in caught.value.hint


def test_an_answer_that_is_not_the_compression_it_claims_is_unexpected(driven: Driven, server: ScriptedServer) -> None:
    server.script(Reply(200, b"not gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(UnexpectedResponseError, match="can't be read"):
        driven.do("pools")
