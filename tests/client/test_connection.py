"""Where the client connects, as whom, and what it never shows."""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx2
import pytest

import invariantselect
from invariantselect import AsyncClient, Client
from invariantselect.calls import Call
from invariantselect.connection import Connection
from invariantselect.errors import InvalidRequestError, UnauthenticatedError
from tests.client.conftest import Connect
from tests.client.driven import Driven
from tests.client.scripted_server import ScriptedServer, as_json, as_problem

POOLS = as_json({"pools": []})
KEY = "isk_4f3a_s3cr3t"


def test_server_and_key_come_from_the_environment_when_the_client_is_made(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(POOLS)
    monkeypatch.setenv("INVARIANTSELECT_BASE_URL", server.url)
    monkeypatch.setenv("INVARIANTSELECT_API_KEY", KEY + "\n")
    client = Client()
    monkeypatch.undo()
    with client:
        assert client.pools() == []
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_arguments_win_over_the_environment(
    connect: Connect, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(POOLS)
    monkeypatch.setenv("INVARIANTSELECT_BASE_URL", "http://elsewhere.example")
    monkeypatch.setenv("INVARIANTSELECT_API_KEY", "another")
    connect(api_key=KEY).do("pools")
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent_and_the_client_says_who_it_is(driven: Driven, server: ScriptedServer) -> None:
    server.script(POOLS)
    driven.do("pools")
    headers = server.received[0].headers
    assert "authorization" not in headers
    version = re.escape(invariantselect.__version__)
    assert re.fullmatch(rf"invariantselect-python/{version} \(Python 3\.\d+\.\S+; httpx2 \S+\)", headers["user-agent"])


def test_without_anything_the_server_is_on_this_machine() -> None:
    assert Connection.to().base_url == "http://127.0.0.1:8000"


def test_the_key_is_never_shown(connect: Connect, server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    busy = as_problem({"code": "overloaded"}, 429)
    server.script(busy, as_problem({"code": "unauthenticated", "detail": "the key is unknown"}, 401))
    driven = connect(api_key=KEY)
    with pytest.raises(UnauthenticatedError) as caught:
        driven.do("pools")
    shown = [repr(driven.client), repr(driven.client._transport.connection), repr(caught.value), caplog.text]
    shown.append(repr(caught.value.to_problem()))
    assert len(server.received) == 2
    assert not [text for text in shown if KEY in text]


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "naïve", "tab\there"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Client(api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8000", "ftp://host", "http://", "/v1", "http://h?x=1", "http://h#x", "http://[::1", "h ost"]
)
def test_an_address_that_is_no_server_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequestError, match="base_url"):
        Client(address)


def test_a_password_in_the_address_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Client("http://me:hunter2@host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"max_retries": -1}])
def test_impossible_patience_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(options))):
        Client(**options)
    with Client() as client, pytest.raises(InvalidRequestError, match=next(iter(options))):
        client.with_options(**options)


def test_a_timeout_is_seconds_or_httpx2s_own() -> None:
    assert Connection.to(timeout=2.0).timeout == httpx2.Timeout(2.0)
    assert Connection.to(timeout=90.0).timeout == httpx2.Timeout(90.0, connect=5.0)
    own = httpx2.Timeout(None)
    assert Connection.to(timeout=own).timeout is own
    assert Connection.to().changed(timeout=own, max_retries=None).max_retries == 2


def test_an_injected_http_client_is_used_and_stays_open(server: ScriptedServer) -> None:
    server.script(POOLS, POOLS)
    with httpx2.Client(headers={"X-Mine": "yes"}) as http:
        with Client(server.url, http_client=http) as client:
            client.pools()
        assert not http.is_closed
        assert http.get(server.url).status_code == 200
    assert server.received[0].headers["x-mine"] == "yes"


async def test_an_injected_async_http_client_is_used_and_stays_open(server: ScriptedServer) -> None:
    server.script(POOLS, POOLS)
    async with httpx2.AsyncClient(headers={"X-Mine": "yes"}) as http:
        async with AsyncClient(server.url, http_client=http) as client:
            await client.pools()
        assert not http.is_closed
    assert server.received[0].headers["x-mine"] == "yes"


def test_a_client_closes_its_own_connections_and_a_variant_leaves_them_open(server: ScriptedServer) -> None:
    server.script(POOLS)
    with Client(server.url) as client:
        with client.with_options(timeout=3.0) as variant:
            assert not variant._transport.http.is_closed
        assert client.pools() == []
    assert client._transport.http.is_closed


async def test_an_async_client_closes_its_own_connections(server: ScriptedServer) -> None:
    server.script(POOLS)
    async with AsyncClient(server.url) as client:
        await client.with_options(timeout=3.0).aclose()
        assert await client.pools() == []
    assert client._transport.http.is_closed


def test_a_client_shows_where_it_connects() -> None:
    with Client("http://127.0.0.1:9/prefix/") as client:
        assert repr(client) == "Client('http://127.0.0.1:9/prefix')"


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_nothing_for_this_machine_goes_by_a_proxy(
    name: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.script(POOLS)
    with Client(server.url, api_key=KEY, max_retries=0) as client:
        assert client.pools() == []


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:8000/prefix", True),
        ("https://127.0.0.1", False),  # a proxy would see nothing of it
        ("http://10.0.0.7", False),
        ("http://localhost.example", False),
    ],
)
def test_which_servers_are_asked_by_no_proxy(address: str, here: bool) -> None:
    assert Connection.to(address).stays_here is here


def test_a_call_may_be_given_less_time_than_the_client_has() -> None:
    connection = Connection.to(timeout=60)
    assert connection.request(Call("GET", "/", id, repeatable=True, within_s=2.0))["timeout"] == httpx2.Timeout(2.0)
    longer = connection.request(Call("GET", "/", id, repeatable=True, within_s=90.0))["timeout"]
    assert longer == connection.timeout
