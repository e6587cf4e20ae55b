from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from fastapi.testclient import TestClient

from encoders.quantised_tower import Effect, Quantisation
from index.pools import Pools
from invariantselect.wire import PoolInfo, PoolList
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve, fill, load_pixel_encoder
from tests.service.http.test_problems import check_problem


def test_a_pool_is_made_with_the_server_s_encoder_and_told_where(client: TestClient) -> None:
    response = client.post("/v1/pools", json={"name": "skin"})
    assert response.status_code == 201
    assert response.headers["location"] == "/v1/pools/skin"
    made = PoolInfo.model_validate(response.json())
    assert (made.encoder, made.dim) == ("pixel-16-0", 16)
    assert made.fingerprint == PixelEncoder().identity.fingerprint
    assert client.get("/v1/pools/skin").json() == response.json()


def test_a_pool_is_made_once(client: TestClient) -> None:
    client.post("/v1/pools", json={"name": "skin"})
    check_problem(client.post("/v1/pools", json={"name": "skin"}), 409, "pool_exists")


def test_pools_are_listed_by_name_with_what_is_in_them(pool: TestClient) -> None:
    pool.post("/v1/pools", json={"name": "a"})
    listed = PoolList.model_validate(pool.get("/v1/pools").json()).pools
    assert [info.name for info in listed] == ["a", "p"]
    assert (listed[0].demonstrations, listed[0].labels, listed[0].domains) == (0, [], [])
    assert listed[1].demonstrations == 24
    assert listed[1].labels == ["l0", "l1", "l2", "l3"]
    assert listed[1].domains == ["d0", "d1", "d2"]


def test_a_dropped_pool_is_gone_with_everything_in_it(pool: TestClient) -> None:
    response = pool.delete("/v1/pools/p")
    assert (response.status_code, response.content) == (204, b"")
    for method, path in [
        ("GET", "/v1/pools/p"),
        ("DELETE", "/v1/pools/p"),
        ("GET", "/v1/pools/p/demonstrations"),
        ("GET", "/v1/pools/p/demonstrations/d0/l0/0.png"),
        ("GET", "/v1/pools/p/images/d0/l0/0.png"),
    ]:
        check_problem(pool.request(method, path), 404, "pool_not_found")
    for action, body in [
        ("select", {"query": {"id": "1"}}),
        ("select:batch", {"queries": [{"id": "1"}]}),
        ("demonstrations:get", {"ids": ["1"]}),
        ("demonstrations:delete", {"ids": ["1"]}),
        ("demonstrations:relabel", {"labels": {"1": "x"}}),
        ("demonstrations:upsert", {"demonstrations": [{"id": "1", "image": "AAAA", "label": "x"}]}),
    ]:
        check_problem(pool.post(f"/v1/pools/p/{action}", json=body), 404, "pool_not_found")


def test_the_jobs_of_a_dropped_pool_are_cancelled_and_leave_a_new_one_of_its_name_alone(serve: Serve) -> None:
    client = fill(serve())
    ended = client.post("/v1/pools/p/rebuild").json()["id"]
    client.post(f"/v1/jobs/{ended}/cancel")
    waiting = client.post("/v1/pools/p/adapt", json={"force": True}).json()["id"]
    client.post("/v1/pools", json={"name": "other"})
    others = client.post("/v1/pools/other/rebuild").json()["id"]
    assert client.delete("/v1/pools/p").status_code == 204
    client.post("/v1/pools", json={"name": "p"})
    assert [client.get(f"/v1/jobs/{id}").json()["state"] for id in (ended, waiting, others)] == [
        "cancelled",
        "cancelled",
        "queued",
    ]


def test_a_drop_that_is_refused_cancels_nothing(serve: Serve) -> None:
    client = fill(serve())
    pools = client.app.state.services.pools  # type: ignore[attr-defined]
    key = pools.open("p").key
    pools.create("based", f"{key}/2", "f" * 64, 16)
    waiting = client.post("/v1/pools/p/rebuild").json()["id"]
    check_problem(client.delete("/v1/pools/p"), 409, "encoder_version_in_use")
    assert client.get(f"/v1/jobs/{waiting}").json()["state"] == "queued"


def test_a_damaged_file_is_told_without_where_the_server_keeps_it(serve: Serve, tmp_path: Path) -> None:
    fill(serve())
    Pools(tmp_path / "data").open("p").seal()
    (manifest,) = (tmp_path / "data").glob("pools/*/manifest.json")
    manifest.write_text("{")
    refused = serve().post("/v1/pools/p/select", json={"query": {"id": "d0/l0/0.png"}})
    problem = check_problem(refused, 500, "store_corrupt")
    assert problem["detail"] == f"the manifest …/pools/{manifest.parent.name}/manifest.json is damaged"
    assert str(tmp_path) not in json.dumps(problem)


def test_a_client_can_not_make_the_server_load_what_its_operator_did_not_allow(serve: Serve) -> None:
    asked: list[str] = []

    def load(name: str) -> PixelEncoder:
        asked.append(name)
        return PixelEncoder()

    client = serve(load=load)
    for name in ("/etc", "open_clip:ViT-B-32//tmp/weights.pt", "../..", "efficientnet-lite0", "x" * 512):
        check_problem(client.post("/v1/pools", json={"name": "p", "encoder": name}), 404, "encoder_not_found")
        check_problem(client.post("/v1/embeddings", json={"model": name, "input": "AAAA"}), 404, "encoder_not_found")
    assert set(asked) == {"pixel-16-0"}


def test_a_pool_may_use_another_encoder_that_is_allowed(serve: Serve) -> None:
    client = serve(encoders="pixel-8-1,pixel-4-2")
    made = client.post("/v1/pools", json={"name": "p", "encoder": "pixel-8-1"}).json()
    assert (made["encoder"], made["dim"]) == ("pixel-8-1", 8)
    infos = client.get("/v1/encoders").json()["encoders"]
    assert [(info["name"], info["loaded"], info["dim"]) for info in infos] == [
        ("pixel-16-0", True, 16),
        ("pixel-8-1", True, 8),
        ("pixel-4-2", False, None),
    ]


def test_an_encoder_tells_what_it_isn_t_and_what_that_costs(serve: Serve) -> None:
    effect = Effect(100, 7, 0.95, 0.86, 0.8, 0.65, 0.66, 0.5, 0.51)
    quantisation = Quantisation("efficientnet-lite0", "ab" * 32, "static", 256, True, "1.32.0", effect)
    encoder = PixelEncoder()
    encoder._identity = replace(
        encoder.identity, precision="int8", runtime_instead="it can't be exported", quantisation=quantisation
    )
    client = serve(load=lambda _: encoder)
    client.post("/v1/pools", json={"name": "p"})
    info = client.get("/v1/encoders").json()["encoders"][0]
    assert (info["precision"], info["runtime_instead"]) == ("int8", "it can't be exported")
    assert info["quantisation"] == quantisation.to_json()


def test_an_encoder_that_changed_since_the_pool_was_made_is_refused(serve: Serve) -> None:
    before = serve()
    before.post("/v1/pools", json={"name": "p"})
    after = serve(load=lambda _: load_pixel_encoder("pixel-16-9"))
    image = {"query": {"image": _picture()}}
    check_problem(after.post("/v1/pools/p/select", json=image), 409, "fingerprint_mismatch")
    sent = {"demonstrations": [{"id": "1", "image": _picture(), "label": "x"}]}
    check_problem(after.post("/v1/pools/p/demonstrations:upsert", json=sent), 409, "fingerprint_mismatch")
    assert after.get("/v1/pools/p").json()["demonstrations"] == 0


def _picture() -> str:
    from tests.service.pictures import data_uri

    return data_uri(0)
