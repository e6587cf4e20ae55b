"""Every route against every scope; a route that asks for none and isn't meant to be open fails here."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from service.access.keys import SCOPES, create_key, revoke_key
from service.access.scoped import Scoped
from service.routers import ROUTERS
from service.store import open_store
from tests.service.conftest import Serve
from tests.service.http.test_problems import check_problem

OPEN = {"/livez", "/readyz"}
EXPECTED = {
    "list_pools": "read",
    "create_pool": "write",
    "get_pool": "read",
    "drop_pool": "admin",
    "upsert_demonstrations": "write",
    "upload_demonstrations": "write",
    "list_demonstrations": "read",
    "get_demonstrations": "read",
    "relabel_demonstrations": "write",
    "delete_demonstrations": "write",
    "get_demonstration": "read",
    "change_demonstration": "write",
    "delete_demonstration": "write",
    "get_image": "read",
    "select": "read",
    "select_batch": "read",
    "embed": "read",
    "list_encoders": "read",
    "adapt_pool": "write",
    "evaluate_pool": "write",
    "get_report": "read",
    "list_encoder_versions": "read",
    "roll_back": "write",
    "discard_encoder_version": "write",
    "rebuild_pool": "write",
    "import_into_pool": "write",
    "list_jobs": "read",
    "get_job": "read",
    "follow_job": "read",
    "get_job_log": "read",
    "cancel_job": "write",
    "retry_job": "write",
    "list_writes": "admin",
    "metrics": "read",
}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def scopes_of(route: APIRoute) -> list[str]:
    calls = [dependency.dependency for dependency in route.dependencies]
    return [call.scope for call in calls if isinstance(call, Scoped)]


def test_each_route_asks_for_exactly_one_scope_or_is_open_on_purpose() -> None:
    asked = {route.operation_id: scopes_of(route) for route in ROUTES if route.path not in OPEN}
    assert asked == {name: [scope] for name, scope in EXPECTED.items()}
    assert all(not scopes_of(route) for route in ROUTES if route.path in OPEN)


@pytest.fixture
def guarded(serve: Serve, tmp_path: Path) -> tuple[TestClient, dict[str, str]]:
    client = serve(host="0.0.0.0")
    store = open_store(tmp_path / "data")
    secrets = {scope: create_key(store, scope).secret for scope in SCOPES}
    store.close()
    return client, secrets


def call(client: TestClient, route: APIRoute, key: str | None) -> int:
    path = route.path.replace("{pool}", "p").replace("{id:path}", "a/b").replace("{job_id}", "0" * 24)
    (method,) = route.methods
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    response = client.request(method, path, headers=headers)
    if response.status_code in (401, 403):
        check_problem(response, response.status_code, response.json()["code"])
    return response.status_code


def test_each_scope_opens_its_routes_and_those_below(guarded: tuple[TestClient, dict[str, str]]) -> None:
    client, secrets = guarded
    for route in ROUTES:
        needed = scopes_of(route)
        for held in (None, *SCOPES):
            status = call(client, route, None if held is None else secrets[held])
            if not needed:
                assert status == 200
            elif held is None:
                assert status == 401, route.operation_id
            elif SCOPES.index(held) < SCOPES.index(needed[0]):  # type: ignore[arg-type]
                assert status == 403, (route.operation_id, held)
            else:
                assert status not in (401, 403, 500), (route.operation_id, held)


def test_a_missing_key_is_asked_for_in_the_standard_way(guarded: tuple[TestClient, dict[str, str]]) -> None:
    client, secrets = guarded
    for headers in ({}, {"authorization": "Basic x"}, {"authorization": "Bearer"}, {"x-api-key": secrets["admin"]}):
        response = client.get("/v1/pools", headers=headers)
        check_problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == 'Bearer realm="invariantselect"'


def test_a_revoked_key_stops_working_while_the_server_runs(
    guarded: tuple[TestClient, dict[str, str]], tmp_path: Path
) -> None:
    client, secrets = guarded
    headers = {"authorization": f"Bearer {secrets['read']}"}
    assert client.get("/v1/pools", headers=headers).status_code == 200
    store = open_store(tmp_path / "data")
    revoke_key(store, secrets["read"].split("_")[1])
    store.close()
    assert client.get("/v1/pools", headers=headers).status_code == 401


def test_a_stranger_s_body_is_not_parsed(guarded: tuple[TestClient, dict[str, str]]) -> None:
    client, _ = guarded
    response = client.post("/v1/pools", content=b"{", headers={"content-type": "application/json"})
    check_problem(response, 401, "unauthenticated")


def test_the_log_names_the_key_but_never_shows_it(
    guarded: tuple[TestClient, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    client, secrets = guarded
    caplog.set_level(logging.DEBUG)
    client.get("/v1/pools", headers={"authorization": f"Bearer {secrets['read']}"})
    client.get("/v1/pools", headers={"authorization": f"Bearer {secrets['read']}x"})
    logged = "\n".join(str(record.__dict__) for record in caplog.records)
    assert secrets["read"].split("_")[1] in logged
    assert secrets["read"].split("_", 2)[2] not in logged


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.7:8000", "localhost.evil.example", "[", "", "a@b"])
def test_without_keys_only_this_machine_is_answered(still: TestClient, host: str) -> None:
    check_problem(still.get("/v1/pools", headers={"host": host}), 403, "forbidden")
    assert still.get("/livez", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1"])
def test_without_keys_the_pages_of_other_sites_are_not_answered(still: TestClient, origin: str) -> None:
    files = {"files": ("1.png", b"x"), "demonstrations": (None, "[]")}
    response = still.post("/v1/pools/p/demonstrations:upload", files=files, headers={"origin": origin})
    check_problem(response, 403, "forbidden")


def test_without_keys_the_server_s_own_page_is_answered(still: TestClient) -> None:
    for host in ("localhost", "127.0.0.1:8000", "[::1]:8000"):
        headers = {"host": host, "origin": f"http://{host}"}
        assert still.get("/v1/pools", headers=headers).status_code == 200
