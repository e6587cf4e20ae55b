"""Keys that are limited to pools: what isn't granted is answered as what isn't there, on every route that names it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from service.access.keys import create_key
from service.routers import ROUTERS
from service.store import open_store
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
OF_A_POOL = [route for route in ROUTES if "{pool}" in route.path]
OF_A_JOB = [route for route in ROUTES if "{job_id}" in route.path]
NAMING_NEITHER = {
    "list_pools",
    "create_pool",
    "embed",
    "list_encoders",
    "list_jobs",
    "list_writes",
    "live",
    "ready",
    "metrics",
}


@dataclass(frozen=True)
class Clinic:
    """Pools ``p``, ``q`` and ``r``, a job of each, and keys that may do everything to some of them."""

    client: TestClient
    all: dict[str, str]
    of_q: dict[str, str]
    jobs: dict[str, str]

    def get(self, path: str, key: dict[str, str]) -> Any:
        response = self.client.get(path, headers=key)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def clinic(serve: Serve, tmp_path: Path) -> Clinic:
    client = serve(auth="on")
    store = open_store(tmp_path / "data")
    whole, part = create_key(store, "admin"), create_key(store, "admin", pools=["q", "s"])
    store.close()
    everywhere = {"authorization": f"Bearer {whole.secret}"}
    client.headers.update(everywhere)
    fill(client)
    for name in ("q", "r"):
        assert client.post("/v1/pools", json={"name": name}).status_code == 201
    jobs = {name: client.post(f"/v1/pools/{name}/rebuild").json()["id"] for name in ("p", "q", "r")}
    del client.headers["authorization"]
    return Clinic(client, everywhere, {"authorization": f"Bearer {part.secret}"}, jobs)


def ask(clinic: Clinic, route: APIRoute, key: dict[str, str], **named: str) -> Any:
    path = route.path.replace("{id:path}", "d0/l0/0.png").replace("{file}", "report.json")
    path = path.replace("{version}", "2").format(**named)
    (method,) = route.methods
    return clinic.client.request(method, path, headers=key)


def without_what_differs(response: Any, name: str) -> Any:
    problem = {**response.json(), "request_id": None, "instance": None}
    return json.loads(json.dumps(problem).replace(name, "NAME"))


def test_every_route_names_a_pool_a_job_or_neither() -> None:
    neither = {route.operation_id for route in ROUTES if route not in OF_A_POOL and route not in OF_A_JOB}
    assert neither == NAMING_NEITHER


def test_a_pool_that_is_not_granted_looks_like_one_that_is_not_there(clinic: Clinic) -> None:
    for route in OF_A_POOL:
        hidden, missing = (ask(clinic, route, clinic.of_q, pool=name) for name in ("p", "nowhere"))
        check_problem(hidden, 404, "pool_not_found")
        same = without_what_differs(hidden, "'p'") == without_what_differs(missing, "'nowhere'")
        assert same, route.operation_id
        assert hidden.headers.keys() == missing.headers.keys()
    assert clinic.get("/v1/pools/p", clinic.all)["demonstrations"] == 24  # nothing was done to it


def test_a_granted_pool_is_there_by_every_route(clinic: Clinic) -> None:
    for route in sorted(OF_A_POOL, key=lambda route: route.operation_id == "drop_pool"):
        granted = ask(clinic, route, clinic.of_q, pool="q")
        assert granted.status_code not in (401, 403), route.operation_id
        assert "this key" not in granted.text, route.operation_id


def test_a_job_of_such_a_pool_looks_like_one_that_is_not_there(clinic: Clinic) -> None:
    nobody = "0" * 24
    for route in OF_A_JOB:
        hidden, missing = (ask(clinic, route, clinic.of_q, job_id=id) for id in (clinic.jobs["p"], nobody))
        check_problem(hidden, 404, "job_not_found")
        same = without_what_differs(hidden, clinic.jobs["p"]) == without_what_differs(missing, nobody)
        assert same, route.operation_id
        check_problem(ask(clinic, route, clinic.of_q, job_id="zzz"), 404, "job_not_found")
    assert clinic.get(f"/v1/jobs/{clinic.jobs['p']}", clinic.all)["state"] == "queued"  # nothing was done to it


def test_a_granted_job_is_looked_at_followed_and_cancelled(clinic: Clinic) -> None:
    job = f"/v1/jobs/{clinic.jobs['q']}"
    assert clinic.get(job, clinic.of_q)["pool"] == "q"
    assert clinic.get(f"{job}/log", clinic.of_q) == {"lines": [], "next_after": None}
    assert clinic.client.post(f"{job}/cancel", headers=clinic.of_q).json()["state"] == "cancelled"
    with clinic.client.stream("GET", f"{job}/events", headers=clinic.of_q) as events:
        assert b"cancelled" in events.read()


def test_lists_show_what_is_granted(clinic: Clinic) -> None:
    def pools(key: dict[str, str]) -> list[str]:
        return [pool["name"] for pool in clinic.get("/v1/pools", key)["pools"]]

    def jobs(path: str, key: dict[str, str]) -> list[str]:
        return [job["pool"] for job in clinic.get(path, key)["jobs"]]

    assert (pools(clinic.all), pools(clinic.of_q)) == (["p", "q", "r"], ["q"])
    assert (jobs("/v1/jobs", clinic.all), jobs("/v1/jobs", clinic.of_q)) == (["r", "q", "p"], ["q"])
    assert jobs("/v1/jobs?pool=p", clinic.of_q) == jobs("/v1/jobs?pool=nowhere", clinic.of_q) == []
    first = clinic.get("/v1/jobs?limit=1", clinic.of_q)
    assert "next_cursor" not in first or first["next_cursor"] is None  # nothing behind it is hinted at


def test_only_granted_pools_are_made(clinic: Clinic) -> None:
    for name in ("p", "nowhere"):
        check_problem(clinic.client.post("/v1/pools", json={"name": name}, headers=clinic.of_q), 403, "forbidden")
    check_problem(clinic.client.post("/v1/pools", json={"name": "q"}, headers=clinic.of_q), 409, "pool_exists")
    assert clinic.client.post("/v1/pools", json={"name": "s"}, headers=clinic.of_q).status_code == 201
    assert [pool["name"] for pool in clinic.get("/v1/pools", clinic.of_q)["pools"]] == ["q", "s"]


def test_routes_without_a_pool_go_by_the_scope(clinic: Clinic) -> None:
    assert clinic.get("/v1/encoders", clinic.of_q)["encoders"]
    answer = clinic.client.post("/v1/embeddings", json={"input": data_uri(1)}, headers=clinic.of_q)
    assert answer.status_code == 200


def test_metrics_which_name_all_pools_are_not_shown(clinic: Clinic) -> None:
    answer = clinic.client.post("/v1/pools/p/select", json={"query": {"id": "d0/l0/0.png"}}, headers=clinic.all)
    assert answer.status_code == 200
    assert 'pool="p"' in clinic.client.get("/metrics", headers=clinic.all).text
    check_problem(clinic.client.get("/metrics", headers=clinic.of_q), 403, "forbidden")


def test_an_idempotency_key_of_another_pool_does_not_tell_its_job(clinic: Clinic) -> None:
    sent = {"idempotency-key": "nightly"}
    job = clinic.client.post("/v1/pools/p/rebuild", headers={**clinic.all, **sent}).json()["id"]
    refused = clinic.client.post("/v1/pools/q/rebuild", headers={**clinic.of_q, **sent})
    check_problem(refused, 409, "idempotency_key_reused")
    assert job not in refused.text


def test_a_pool_that_is_dropped_and_made_again_is_still_granted_by_its_name(clinic: Clinic) -> None:
    assert clinic.client.delete("/v1/pools/q", headers=clinic.of_q).status_code == 204
    check_problem(clinic.client.get("/v1/pools/q", headers=clinic.of_q), 404, "pool_not_found")
    assert clinic.client.post("/v1/pools", json={"name": "q"}, headers=clinic.of_q).status_code == 201
