"""Two servers and two workers over one PostgreSQL, one Redis, one folder and one object store answer as one would."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.postgres import needs_postgres
from tests.redis_server import needs_redis
from tests.service.jobs.place import wait_until
from tests.service.replicas.replica_processes import Replicas, started
from tests.service.shifted import draw, uri_of

pytestmark = [needs_postgres, needs_redis]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    with started(folder) as running:
        yield running
    for log in folder.glob("server-*.log"):  # huey tells of a lost Redis with all it has
        assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
    shutil.rmtree(folder / "data")


def ids(selection: dict[str, object]) -> list[str]:
    return [each["id"] for each in selection["demonstrations"]]  # type: ignore[attr-defined]


def test_what_one_writes_adapts_and_rolls_back_the_other_serves_at_once(replicas: Replicas) -> None:
    replicas.make_pool("flows")
    both = [replicas.select("flows", client) for client in (replicas.one, replicas.two)]
    assert ids(both[0]) == ids(both[1])
    assert len(ids(both[0])) == 36
    for number in range(4):  # written by the one, asked of the other
        replicas.ask("DELETE", f"/v1/pools/flows/demonstrations/noon/red/{number}", 204)
        assert f"noon/red/{number}" not in ids(replicas.select("flows"))
        again = {"id": f"noon/red/{number}", "image": uri_of(draw("noon", "red", number)), "label": "red"}
        replicas.ask("POST", "/v1/pools/flows/demonstrations:upsert", json={"demonstrations": [again]})
        assert f"noon/red/{number}" in ids(replicas.select("flows"))
        replicas.ask("PATCH", f"/v1/pools/flows/demonstrations/noon/red/{number}", json={"domain": "noon"})
        assert replicas.ask("GET", f"/v1/pools/flows/demonstrations/noon/red/{number}")["domain"] == "noon"

    asked = replicas.ask("POST", "/v1/pools/flows/adapt", 202, json={"depth": "closed_form", "force": True})
    assert replicas.job(asked["id"])["result"]["switched"]
    adapted = [replicas.select("flows", client, strategy="invariant_select") for client in (replicas.one, replicas.two)]
    assert [each["encoder_version"] for each in adapted] == [2, 2]
    assert ids(adapted[0]) == ids(adapted[1])
    replicas.ask("POST", "/v1/pools/flows/rollback", json={})
    for client in (replicas.one, replicas.two):
        refused = client.post(
            "/v1/pools/flows/select", json={"query": {"id": "noon/red/0"}, "strategy": "invariant_select"}
        )
        assert refused.json()["code"] == "pool_not_adapted"
    rebuilt = replicas.ask("POST", "/v1/pools/flows/rebuild", 202)
    replicas.job(rebuilt["id"])
    assert ids(replicas.select("flows")) == ids(replicas.select("flows"))
    replicas.ask("DELETE", "/v1/pools/flows", 204)
    replicas.ask("GET", "/v1/pools/flows", 404)
    replicas.ask("GET", "/v1/pools/flows", 404)


def test_commands_and_keys_are_those_of_the_replicas(replicas: Replicas) -> None:
    replicas.make_pool("listed")
    assert "listed" in replicas.command("pools")
    assert len(replicas.command("demonstrations", "list", "--pool", "listed").splitlines()) >= 36
    secret = replicas.command("keys", "create", "--scope", "read")
    headers = {"authorization": f"Bearer {secret}"}
    for status in (200, 401):
        for client in (replicas.one, replicas.two):
            assert client.get("/v1/pools", headers=headers).status_code == status
        if status == 200:
            replicas.command("keys", "revoke", secret.split("_")[1])


def test_jobs_are_shared_by_the_workers_and_each_is_done_once(replicas: Replicas) -> None:
    replicas.make_pool("worked")
    jobs = [replicas.job(replicas.ask("POST", "/v1/pools/worked/rebuild", 202)["id"]) for _ in range(3)]
    queued = [replicas.ask("POST", "/v1/pools/worked/rebuild", 202)["id"] for _ in range(6)]
    jobs += [replicas.job(id) for id in queued]
    assert [job["attempt"] for job in jobs] == [1] * 9
    assert len({job["worker"] for job in jobs}) == 2


def test_without_redis_all_goes_on_and_nothing_is_lost(replicas: Replicas) -> None:
    replicas.make_pool("unheard")
    for client in (replicas.one, replicas.two):
        replicas.select("unheard", client)
    replicas.redis.kill()
    try:
        waiting = replicas.ask("POST", "/v1/pools/unheard/rebuild", 202)
        for number in range(4):
            new = {"id": f"new/{number}", "image": uri_of(draw("dusk", "blue", 50 + number)), "label": "blue"}
            replicas.ask("POST", "/v1/pools/unheard/demonstrations:upsert", json={"demonstrations": [new]})
            assert f"new/{number}" in ids(replicas.select("unheard", k=40))
        followed = _followed(replicas)
        replicas.one.delete("/v1/pools/unheard/demonstrations/new/0")
        wait_until(lambda: _followed(replicas) > followed)  # by looking: there is nobody who could tell
    finally:
        replicas.redis.start()
    replicas.job(waiting["id"])
    assert len(ids(replicas.select("unheard", k=40))) == 39


def test_without_postgresql_queries_are_answered_and_writes_refused(replicas: Replicas) -> None:
    replicas.make_pool("kept")
    before = [replicas.select("kept", client) for client in (replicas.one, replicas.two)]
    replicas.postgres.kill()
    try:
        for client, known in zip((replicas.one, replicas.two), before, strict=True):
            now = replicas.select("kept", client)
            assert (now["stale"], now["snapshot"], ids(now)) == (True, known["snapshot"], ids(known))
            new = {"id": "new", "image": uri_of(draw("dusk", "blue", 50)), "label": "blue"}
            refused = client.post("/v1/pools/kept/demonstrations:upsert", json={"demonstrations": [new]})
            assert (refused.status_code, refused.json()["code"]) == (503, "catalog_unavailable")
            wait_until(lambda client=client: client.get("/readyz").json().get("status") == "stale")
    finally:
        replicas.postgres.start()
    for client in (replicas.one, replicas.two):
        wait_until(lambda client=client: client.get("/readyz").json() == {"status": "ok"})
        assert not replicas.select("kept", client)["stale"]
    replicas.ask("POST", "/v1/pools/kept/demonstrations:upsert", json={"demonstrations": [new]})
    assert "new" in ids(replicas.select("kept", k=40))
    replicas.job(replicas.ask("POST", "/v1/pools/kept/rebuild", 202)["id"])


def _followed(replicas: Replicas) -> float:
    text = replicas.two.get("/metrics").text
    (line,) = [line for line in text.splitlines() if line.startswith("invariantselect_snapshots_followed_total ")]
    return float(line.split()[1])
