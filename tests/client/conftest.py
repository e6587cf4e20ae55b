"""A scripted server, and each client to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client.driven import Driven, Kind
from tests.client.scripted_server import ScriptedServer, serving

Connect = Callable[..., Driven]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVARIANTSELECT_BASE_URL", raising=False)
    monkeypatch.delenv("INVARIANTSELECT_API_KEY", raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as scripted:
        yield scripted


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Kind:
    wanted: Kind = request.param
    return wanted


@pytest.fixture
def connect(server: ScriptedServer, kind: Kind) -> Iterator[Connect]:
    """Make a client of the server with the options given; closed after the test."""
    made: list[Driven] = []

    def make(**options: Any) -> Driven:
        made.append(Driven(kind, options.pop("base_url", server.url), **options))
        return made[-1]

    yield make
    for driven in made:
        driven.close()


@pytest.fixture
def driven(connect: Connect) -> Driven:
    return connect()
