"""The log of writes: every request that changes something is in it, with what came of it, and nothing that was sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError
from service.access.audit import AuditRecord, audit_page, prune_audit
from service.access.keys import create_key
from service.access.scoped import Scoped
from service.routers import ROUTERS
from service.tables import audit
from tests.catalogs import open_store
from tests.service.adapted_pool import adapt
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri, png

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
READS_BY_POST = {"get_demonstrations", "select", "select_batch", "embed"}
ONE = "/v1/pools/p/demonstrations/d0/l0/0.png"
FILES = {"files": ("1.png", png(70)), "demonstrations": (None, json.dumps([{"id": "new", "label": "l0"}]))}

# Each write, sent so that it is done: what is sent, and what the log keeps of it beside actor, request and pool.
WRITES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "create_pool": ("POST", "/v1/pools", {"json": {"name": "p2"}}, {"encoder": "pixel-16-0"}),
    "upsert_demonstrations": (
        "POST",
        "/v1/pools/p/demonstrations:upsert",
        {
            "json": {
                "demonstrations": [
                    {
                        "id": "secret-1",
                        "image": data_uri(71),
                        "label": "secret-label",
                        "metadata": {"a": "secret-value"},
                    },
                    {"id": "secret-2", "image": "data:image/png;base64,AAAA", "label": "l0"},
                ]
            }
        },
        {"created": 1, "failed": 1},
    ),
    "upload_demonstrations": ("POST", "/v1/pools/p/demonstrations:upload", {"files": FILES}, {"created": 1}),
    "relabel_demonstrations": (
        "POST",
        "/v1/pools/p/demonstrations:relabel",
        {"json": {"labels": {"d0/l0/0.png": "secret-label", "nobody": "l1"}}},
        {"updated": 1, "failed": 1},
    ),
    "delete_demonstrations": (
        "POST",
        "/v1/pools/p/demonstrations:delete",
        {"json": {"ids": ["d1/l1/1.png", "d2/l2/2.png"]}},
        {"deleted": 2},
    ),
    "change_demonstration": (
        "PATCH",
        ONE,
        {"json": {"label": "secret-label", "group": None}},
        {"updated": 1, "fields": ["group", "label"]},
    ),
    "delete_demonstration": ("DELETE", ONE, {}, {"deleted": 1}),
    "adapt_pool": ("POST", "/v1/pools/p/adapt", {"json": {}}, {"job": ...}),
    "evaluate_pool": ("POST", "/v1/pools/p/evaluate", {"json": {}}, {"job": ...}),
    "rebuild_pool": ("POST", "/v1/pools/p/rebuild", {}, {"job": ...}),
    "import_into_pool": ("POST", "/v1/pools/p/import", {"json": {"source": "secret.csv"}}, {"job": ...}),
    "cancel_job": ("POST", "/v1/jobs/{job}/cancel", {}, {"job": ...}),
    "retry_job": ("POST", "/v1/jobs/{job}/retry", {}, {"job": ...}),
    "roll_back": ("POST", "/v1/pools/p/rollback", {"json": {}}, {"version": 1}),
    "discard_encoder_version": ("DELETE", "/v1/pools/p/encoders/2", {}, {"version": 2}),
    "drop_pool": ("DELETE", "/v1/pools/p", {}, {}),
}


@pytest.fixture
def guarded(serve: Serve, tmp_path: Path) -> TestClient:
    """A client that sends an admin's key, of a server with the pool ``p``, which was adapted."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "secret.csv").write_text("image,label\n")
    client = serve(auth="on", import_root=tmp_path / "root")
    with closing(open_store(tmp_path / "data")) as store:
        client.headers["authorization"] = f"Bearer {create_key(store, 'admin').secret}"
    adapt(fill(client))
    return client


def entries(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/audit", params=params).json()["entries"]
    return found


def key_of(client: TestClient) -> str:
    return str(client.headers["authorization"]).split("_")[1]


def is_write(route: APIRoute) -> bool:
    scopes = [each.dependency.scope for each in route.dependencies if isinstance(each.dependency, Scoped)]
    return "read" not in scopes


def test_every_route_that_is_no_get_is_a_write_that_is_driven_below_or_a_read_on_purpose() -> None:
    others = [route for route in ROUTES if not route.methods & {"GET", "HEAD"}]
    assert {route.operation_id for route in others if is_write(route)} == set(WRITES)
    assert {route.operation_id for route in others if not is_write(route)} == READS_BY_POST


def test_every_write_leaves_a_row(guarded: TestClient, tmp_path: Path) -> None:
    job = guarded.post("/v1/pools/p/rebuild").json()["id"]
    known = {entry["id"] for entry in entries(guarded)}
    for action, (method, path, sent, subject) in WRITES.items():
        answer = guarded.request(method, path.format(job=job), headers={"x-request-id": f"r-{action}"}, **sent)
        assert answer.is_success, (action, answer.text)
        (entry,) = [entry for entry in entries(guarded) if entry["id"] not in known]
        known.add(entry["id"])
        assert abs(datetime.fromisoformat(entry.pop("at")) - datetime.now(UTC)) < timedelta(minutes=5)
        assert entry == {
            "id": entry["id"],
            "actor": key_of(guarded),
            "request_id": f"r-{action}",
            "action": action,
            "pool": "p2" if action == "create_pool" else "p",
            "subject": {"job": job if "{job}" in path else answer.json()["id"]} if "job" in subject else subject,
            "outcome": "done",
        }
    with closing(open_store(tmp_path / "data")) as store, store.reading() as connection:
        rows = str(connection.execute(select(audit)).all())
    assert len(known) > len(WRITES)
    for never in ("secret", "base64", "isk_", "d0/l0"):
        assert never not in rows


def test_a_read_leaves_none(guarded: TestClient) -> None:
    earlier = entries(guarded)
    sent: dict[str, tuple[str, Any]] = {
        "get_demonstrations": ("/v1/pools/p/demonstrations:get", {"ids": ["a"]}),
        "select": ("/v1/pools/p/select", {"query": {"image": data_uri(3)}}),
        "select_batch": ("/v1/pools/p/select:batch", {"queries": [{"image": data_uri(3)}]}),
        "embed": ("/v1/embeddings", {"input": data_uri(3)}),
    }
    assert set(sent) == READS_BY_POST
    for path, body in sent.values():
        assert guarded.post(path, json=body).status_code == 200
    assert guarded.get("/v1/pools").status_code == 200
    assert entries(guarded) == earlier


def test_where_no_keys_are_asked_for_the_actor_is_local(pool: TestClient) -> None:
    assert {(entry["actor"], entry["outcome"]) for entry in entries(pool)} == {("local", "done")}


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/v1/pools", {"json": {"name": "p"}}, "pool_exists"),
    ("POST", "/v1/pools", {"content": b"{"}, "unsupported_media_type"),
    ("POST", "/v1/pools", {"json": {"name": "p", "encoder": "nobody"}}, "encoder_not_found"),
    ("POST", "/v1/pools/nowhere/rebuild", {}, "pool_not_found"),
    ("POST", "/v1/pools/p/adapt", {"json": {"depth": "abyss"}}, "invalid_request"),
    ("DELETE", "/v1/pools/p/demonstrations/nobody", {}, "demonstration_not_found"),
    ("POST", "/v1/jobs/000000000000000000000000/cancel", {}, "job_not_found"),
    ("DELETE", "/v1/pools/" + "x" * 300, {}, "invalid_request"),
]


def test_a_write_that_is_refused_is_kept_with_the_code(guarded: TestClient) -> None:
    for method, path, sent, outcome in REFUSED:
        assert guarded.request(method, path, **sent).json()["code"] == outcome
        assert entries(guarded)[0]["outcome"] == outcome


def test_who_is_refused_at_the_door_leaves_no_row(guarded: TestClient, tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "data")) as store:
        reader = {"authorization": f"Bearer {create_key(store, 'read').secret}"}
        stranger = {"authorization": f"Bearer {create_key(store, 'write', pools=['q']).secret}"}
    earlier = entries(guarded)
    check_problem(guarded.post("/v1/pools/p/rebuild", headers=reader), 403, "forbidden")
    check_problem(guarded.post("/v1/pools/p/rebuild", headers=stranger), 404, "pool_not_found")
    check_problem(guarded.post("/v1/pools/p/rebuild", headers={"authorization": ""}), 401, "unauthenticated")
    assert entries(guarded) == earlier


def test_a_defect_is_kept_as_an_internal_error(serve: Serve) -> None:
    def broken(_: str) -> Any:
        raise RuntimeError("a defect")

    client = serve(load=broken)
    assert client.post("/v1/pools", json={"name": "p"}).status_code == 500
    (entry,) = entries(client)
    assert (entry["outcome"], entry["pool"]) == ("internal_error", "p")


def test_the_row_is_there_before_the_answer_and_what_can_not_be_written_down_is_not_done(
    pool: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise CatalogUnavailableError("the disk is full")

    earlier = entries(pool)
    with monkeypatch.context() as patched:
        patched.setattr(AuditRecord, "begin", full)
        check_problem(pool.delete(ONE), 503, "catalog_unavailable")
    assert pool.get(ONE).status_code == 200
    with monkeypatch.context() as patched:
        patched.setattr(AuditRecord, "finish", full)
        assert pool.delete(ONE).status_code == 204  # what is done is done
    begun = [entry for entry in entries(pool) if entry not in earlier]
    assert [(entry["action"], entry["outcome"]) for entry in begun] == [("delete_demonstration", "begun")]


def test_the_log_is_paged_and_filtered_newest_first(pool: TestClient) -> None:
    assert pool.post("/v1/pools", json={"name": "q"}).status_code == 201
    for _ in range(4):
        pool.post("/v1/pools/q/rebuild")
    everything = entries(pool)
    assert [entry["action"] for entry in everything] == [
        *["rebuild_pool"] * 4,
        "create_pool",
        "upsert_demonstrations",
        "create_pool",
    ]
    page = pool.get("/v1/audit", params={"limit": 5}).json()
    rest = pool.get("/v1/audit", params={"limit": 5, "cursor": page["next_cursor"]}).json()
    assert page["entries"] + rest["entries"] == everything
    assert rest["next_cursor"] is None
    assert entries(pool, pool="p") == everything[-2:]
    assert entries(pool, since=everything[2]["at"]) == everything[:3]
    check_problem(pool.get("/v1/audit?cursor=x"), 400, "invalid_cursor")
    check_problem(pool.get("/v1/audit?since=2026-01-01T00:00:00"), 422, "invalid_request")  # of which zone?


def test_an_admin_of_some_pools_sees_the_writes_to_these(guarded: TestClient, tmp_path: Path) -> None:
    assert guarded.post("/v1/pools", json={"name": "q"}).status_code == 201
    with closing(open_store(tmp_path / "data")) as store:
        of_q = {"authorization": f"Bearer {create_key(store, 'admin', pools=['q']).secret}"}
    seen = guarded.get("/v1/audit", headers=of_q).json()["entries"]
    assert [(entry["action"], entry["pool"]) for entry in seen] == [("create_pool", "q")]


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Catalog]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def test_old_entries_are_pruned_by_age(store: Catalog) -> None:
    for action in ("old", "older", "new"):
        AuditRecord.begin(store, "cli", action).finish("done")
    now = datetime.now(UTC)
    with store.writing() as connection:
        for action, days in (("old", 8), ("older", 400)):
            then = (now - timedelta(days=days)).replace(tzinfo=None)
            connection.execute(update(audit).where(audit.c.action == action).values(at=then))
    assert prune_audit(store, now - timedelta(days=9)) == 1
    assert {entry.action for entry in audit_page(store)} == {"old", "new"}
    assert prune_audit(store, now - timedelta(days=7)) == 1
    assert prune_audit(store, now - timedelta(days=7)) == 0
    assert [entry.action for entry in audit_page(store)] == ["new"]


def test_writes_of_many_threads_are_all_kept(serve: Serve) -> None:
    client = fill(serve())
    refused: list[int] = []

    def write(number: int) -> None:
        for _ in range(5):
            answer = client.post("/v1/pools/p/demonstrations:relabel", json={"labels": {"d0/l0/0.png": f"l{number}"}})
            if answer.status_code != 200:
                refused.append(answer.status_code)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    relabelled = [entry for entry in entries(client) if entry["action"] == "relabel_demonstrations"]
    assert [entry["outcome"] for entry in relabelled] == ["done"] * 30


KILLED = """
import os, signal, sys
from pathlib import Path
from index.pool import Pool
from tests.service.conftest import fill, serving
from tests.service.pictures import data_uri
from tests.dying import die_at
with serving(Path(sys.argv[1])) as client:
    fill(client)
    die_at({"patch": (Pool, "patch")}, f"{sys.argv[2]} patch", 1)
    client.post("/v1/pools/p/demonstrations:relabel", json={"labels": {"d0/l0/0.png": "other"}})
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_write_that_a_kill_cut_off_is_in_the_log_as_begun(tmp_path: Path, moment: str) -> None:
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(tmp_path), moment]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with closing(open_store(tmp_path)) as store:
        newest = audit_page(store)[0]
    assert (newest.action, newest.pool, newest.outcome) == ("relabel_demonstrations", "p", "begun")
