"""PostgreSQL goes away beneath a server and comes back: queries are answered all the time, writes when it is there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access.key_check import KeyCheck
from service.access.keys import ApiKey, create_key, revoke_key
from service.replicas import catalog_watch
from service.store import open_store
from tests.fakes.pixel_encoder import PixelEncoder
from tests.postgres import RealPostgres, needs_postgres
from tests.service.adapted_pool import adapt
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.jobs.place import wait_until
from tests.service.pictures import data_uri, picture, png

pytestmark = needs_postgres

SELECT = "/v1/pools/p/select"


@pytest.fixture(scope="module")
def mortal() -> Iterator[RealPostgres]:
    """A PostgreSQL that the tests of this module kill and start again."""
    server = RealPostgres()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def url(mortal: RealPostgres, tmp_path: Path) -> str:
    mortal.kill()
    mortal.start()
    return mortal.url(tmp_path.name)


def answer(client: TestClient, **body: Any) -> dict[str, Any]:
    response = client.post(SELECT, json={"k": 5, **body})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def status(client: TestClient) -> object:
    return client.get("/readyz").json().get("status")


def test_queries_go_on_and_say_so_writes_are_refused_and_all_is_well_again(
    serve: Serve, mortal: RealPostgres, url: str
) -> None:
    client = fill(serve(database_url=url))
    version = adapt(client)
    queries: list[dict[str, Any]] = [
        {"query": {"image": data_uri(99)}},
        {"query": {"id": "d0/l0/0.png"}},
        {"query": {"image": data_uri(99), "domain": "d1"}, "strategy": "invariant_select"},
        {
            "query": {
                "vector": PixelEncoder().encode([picture(99)])[0].tolist(),
                "fingerprint": PixelEncoder().identity.fingerprint,
            }
        },
    ]
    before = [answer(client, **query) for query in queries]
    assert [each["stale"] for each in before] == [False] * 4
    assert before[2]["encoder"] == version.encoder
    chosen = before[0]["demonstrations"][0]
    file = client.get(chosen["image_url"])
    wait_until(lambda: status(client) == "ok")

    mortal.kill()
    for query, known in zip(queries, before, strict=True):
        now = answer(client, **query)
        assert (now["stale"], now["snapshot"], now["demonstrations"]) == (
            True,
            known["snapshot"],
            known["demonstrations"],
        )
    batch = client.post(f"{SELECT}:batch", json={"queries": [query["query"] for query in queries[:2]]}).json()
    assert [each["stale"] for each in batch["selections"]] == [True, True]
    again = client.get(chosen["image_url"])
    assert (again.content, again.headers["etag"]) == (file.content, file.headers["etag"])
    assert client.get(chosen["image_url"], headers={"if-none-match": file.headers["etag"]}).status_code == 304
    new = {"demonstrations": [{"id": "new", "image": data_uri(99), "label": "l0"}]}
    for response in (
        client.post("/v1/pools/p/demonstrations:upsert", json=new),
        client.delete("/v1/pools/p/demonstrations/d0/l0/0.png"),
        client.post("/v1/pools", json={"name": "q"}),
        client.post("/v1/pools/p/rebuild"),
        client.get("/v1/pools"),
        client.post("/v1/pools/unheard/select", json=queries[0]),
    ):
        problem = check_problem(response, 503, "catalog_unavailable")
        assert "socket" not in str(problem)
    wait_until(lambda: status(client) == "stale")
    metrics = client.get("/metrics").text
    assert "invariantselect_stale_selections_total 6.0" in metrics
    wait_until(lambda: "invariantselect_catalog_lost_seconds 0.0" not in client.get("/metrics").text)

    mortal.start()
    wait_until(lambda: status(client) == "ok")
    assert client.post("/v1/pools/p/demonstrations:upsert", json=new).status_code == 200
    now = answer(client, query={"vector": queries[3]["query"]["vector"], "fingerprint": before[0]["fingerprint"]})
    assert (now["stale"], now["snapshot"]) == (False, before[0]["snapshot"] + 1)
    assert now["demonstrations"][-1]["id"] == "new"
    wait_until(lambda: "invariantselect_catalog_lost_seconds 0.0" in client.get("/metrics").text)


def test_a_database_that_stands_still_is_one_that_is_gone(
    serve: Serve, mortal: RealPostgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_watch, "_PATIENCE", 1.0)
    client = fill(serve(database_url=url))
    known = answer(client, query={"image": data_uri(99)})
    mortal.freeze()
    with ThreadPoolExecutor(4) as threads:  # more than there are connections at rest; all are let go
        found = list(threads.map(lambda _: answer(client, query={"image": data_uri(99)}), range(4)))
    assert all(each["stale"] and each["demonstrations"] == known["demonstrations"] for each in found)
    check_problem(client.delete("/v1/pools/p"), 503, "catalog_unavailable")
    wait_until(lambda: status(client) == "stale")
    mortal.thaw()
    wait_until(lambda: status(client) == "ok")
    assert not answer(client, query={"image": data_uri(99)})["stale"]
    assert client.delete("/v1/pools/p").status_code == 204


def test_a_server_that_has_nothing_to_answer_from_is_not_ready(serve: Serve, mortal: RealPostgres, url: str) -> None:
    client = fill(serve(database_url=url))
    wait_until(lambda: client.get("/readyz").status_code == 200)
    mortal.kill()
    wait_until(lambda: client.get("/readyz").status_code == 503)
    check_problem(client.get("/readyz"), 503, "not_ready")
    assert "\ninvariantselect_ready 0.0\n" in client.get("/metrics").text
    check_problem(client.post(SELECT, json={"query": {"image": data_uri(1)}}), 503, "catalog_unavailable")


def test_a_key_that_worked_before_may_read_for_a_while_and_nothing_else(
    serve: Serve, mortal: RealPostgres, url: str, tmp_path: Path
) -> None:
    client = serve(database_url=url, host="0.0.0.0", key_grace_seconds=3600)
    store = open_store(tmp_path / "data", url)
    used, unused, revoked = (create_key(store, "admin") for _ in range(3))

    def headers(secret: str) -> dict[str, str]:
        return {"authorization": f"Bearer {secret}"}

    client.headers.update(headers(used.secret))
    fill(client)
    answer(client, query={"image": data_uri(1)})
    assert client.get("/v1/pools", headers=headers(revoked.secret)).status_code == 200
    assert revoke_key(store, revoked.key.id)
    assert client.get("/v1/pools", headers=headers(revoked.secret)).status_code == 401
    store.close()

    mortal.kill()
    assert answer(client, query={"image": data_uri(1)})["stale"]
    for secret in (unused.secret, revoked.secret, used.secret[:-1] + "~"):
        response = client.post(SELECT, json={"query": {"image": data_uri(1)}}, headers=headers(secret))
        check_problem(response, 503, "catalog_unavailable")
    check_problem(client.delete("/v1/pools/p"), 503, "catalog_unavailable")


def test_the_grace_of_a_key_ends(mortal: RealPostgres, url: str, tmp_path: Path) -> None:
    from invariantselect.errors import CatalogUnavailableError

    store = open_store(tmp_path, url)
    made = create_key(store, "read")
    long, short = KeyCheck(store, 3600), KeyCheck(store, 0)
    assert [check.verify(made.secret, "read") for check in (long, short)] == [made.key] * 2
    mortal.kill()
    allowed: ApiKey = long.verify(made.secret, "read")
    assert allowed == made.key
    for check, scope in ((short, "read"), (long, "write"), (long, "admin")):
        with pytest.raises(CatalogUnavailableError):
            check.verify(made.secret, scope)  # type: ignore[arg-type]
    store.close()


def test_what_another_server_writes_is_loaded_before_anybody_asks(serve: Serve, mortal: RealPostgres, url: str) -> None:
    one, two = serve(database_url=url), serve(database_url=url)
    fill(one)
    answer(two, query={"image": data_uri(1)})
    adapt(one)
    new = {"demonstrations": [{"id": "new", "image": data_uri(99), "label": "l0"}]}
    assert one.post("/v1/pools/p/demonstrations:upsert", json=new).status_code == 200
    written = one.get("/v1/pools/p").json()["snapshot"]
    followed = two.app.state.services.pools.open("p")  # type: ignore[attr-defined]
    wait_until(lambda: followed.last_snapshot().version == written)
    wait_until(lambda: "invariantselect_snapshots_followed_total 0.0" not in two.get("/metrics").text)
    found = answer(two, query={"image": data_uri(98)}, k=25)
    assert "new" in {each["id"] for each in found["demonstrations"]}
    assert two.get("/v1/pools/p/images/new").content == png(99)
