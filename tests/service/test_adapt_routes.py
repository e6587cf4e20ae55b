"""Adapting over REST: handed in, done, searched, gone back from; and what is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from encoders.catalog import load_encoder
from index.pool import Pool
from invariantselect.wire.adaptation import AdaptationResult, EncoderVersionList
from service.services import Services
from tests.service.adaptable import check_vectors, run_job, vectors_of
from tests.service.http.test_problems import check_problem
from tests.service.shifted import draw, uri_of

ADAPT, SELECT, ROLLBACK = "/v1/pools/p/adapt", "/v1/pools/p/select", "/v1/pools/p/rollback"
VERSIONS = "/v1/pools/p/encoders"


@pytest.fixture
def api(adaptable_client: TestClient) -> TestClient:
    return adaptable_client


def services_of(api: TestClient) -> Services:
    services: Services = api.app.state.services  # type: ignore[attr-defined]
    return services


def pool_of(api: TestClient) -> Pool:
    return services_of(api).pools.open("p")


def adapt(api: TestClient, **body: Any) -> AdaptationResult:
    """Hand in an adaptation in closed form, do it in this process, and read what came of it over REST."""
    response = api.post(ADAPT, json={"depth": "closed_form", **body})
    assert response.status_code == 202, response.text
    id = response.json()["id"]
    assert run_job(services_of(api), id).state == "succeeded"
    job = api.get(response.headers["location"]).json()
    assert (job["id"], job["kind"], job["pool"], job["state"]) == (id, "adapt", "p", "succeeded")
    return AdaptationResult.model_validate(job["result"])


def versions(api: TestClient) -> EncoderVersionList:
    return EncoderVersionList.model_validate_json(api.get("/v1/pools/p/encoders").content)


def rollback(api: TestClient, **body: int) -> int | None:
    """Go back; the number that serves."""
    response = api.post(ROLLBACK, json=body)
    assert response.status_code == 200, response.text
    assert response.json() == api.get("/v1/pools/p/encoders").json()
    return EncoderVersionList.model_validate(response.json()).serving_version


def check_selection(api: TestClient, data: Path, number: int) -> None:
    """An answer of the version that serves, and by brute force the right one."""
    query = draw("noon", "red", 99)
    body = {"query": {"image": uri_of(query), "domain": "noon"}, "strategy": "invariant_select", "k": 7}
    answer = api.post(SELECT, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["encoder_version"] == number
    encoder = load_encoder(f"{pool_of(api).key}/{number}", store=data / "encoders", device="cpu", runtime="torch")
    [asked] = encoder.encode([query], ["noon"])
    stored = vectors_of(pool_of(api).snapshot(number))
    scores = {id: float(vector @ asked) for id, vector in stored.items()}
    found = {each["id"]: each["score"] for each in answer.json()["demonstrations"]}
    best = sorted(scores.values(), reverse=True)[:7]
    assert sorted(found.values(), reverse=True) == pytest.approx(best, abs=1e-5)
    assert found == pytest.approx({id: scores[id] for id in found}, abs=1e-5)


def test_a_pool_is_adapted_searched_adapted_again_and_gone_back(api: TestClient, tmp_path: Path) -> None:
    data = tmp_path / "data"
    unadapted = {"query": {"id": "noon/red/0.png"}, "strategy": "invariant_select"}
    check_problem(api.post(SELECT, json=unadapted), 409, "pool_not_adapted")
    first = adapt(api)
    assert (first.switched, first.version) == (True, 2)
    check_selection(api, data, 2)
    second = adapt(api, seed=1)
    assert (second.switched, second.version) == (True, 3)
    check_selection(api, data, 3)
    check_vectors(pool_of(api), data)

    listed = versions(api)
    assert [(each.number, each.state) for each in listed.versions] == [(1, "frozen"), (2, "retired"), (3, "serving")]
    assert listed.serving_version == 3
    assert listed.versions[2].lineage["metrics"]["report"]["contestants"]  # type: ignore[index, call-overload]
    shown = api.get("/v1/pools/p").json()
    assert shown["serving_version"] == 3
    assert "report" not in shown["encoder_versions"][2]["lineage"]["metrics"]

    assert rollback(api) == 2
    check_selection(api, data, 2)
    assert rollback(api, to=1) is None
    check_problem(api.post(SELECT, json=unadapted), 409, "pool_not_adapted")
    assert rollback(api, to=3) == 3
    check_selection(api, data, 3)
    check_vectors(pool_of(api), data)


def test_a_version_is_discarded_with_all_its_files_and_the_others_go_on(api: TestClient, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for seed in (0, 1):
        adapt(api, seed=seed)
    pool = pool_of(api)
    pool.seal()
    assert rollback(api) == 2  # so 3 has vectors and a manifest
    assert rollback(api) is None
    assert rollback(api, to=2) == 2

    def files_of(number: int) -> list[Path]:
        found = data.glob(f"pools/*/versions/{number}/**/*"), data.glob(f"encoders/{pool.key}/{number}/**/*")
        return [path for paths in found for path in paths]

    assert len(files_of(3)) > 3
    answer = api.delete(f"{VERSIONS}/3")
    assert (answer.status_code, answer.content) == (204, b"")
    assert files_of(3) == []
    assert [(each.number, each.state) for each in versions(api).versions] == [(1, "frozen"), (2, "serving")]
    check_selection(api, data, 2)
    check_vectors(pool, data)
    check_problem(api.delete(f"{VERSIONS}/3"), 404, "encoder_version_not_found")
    check_problem(api.post(ROLLBACK, json={"to": 3}), 404, "encoder_version_not_found")
    assert adapt(api, seed=2).version == 4  # a number is given once


def test_a_version_that_is_in_use_is_not_discarded(api: TestClient, tmp_path: Path) -> None:
    adapt(api)
    pool = pool_of(api)
    pool.add_version(encoder=f"{pool.key}/3", fingerprint="f", dim=8, looks_at_domains=False, lineage={})
    for number, why in ((1, "was made with"), (2, "serves"), (3, "still being made")):
        problem = check_problem(api.delete(f"{VERSIONS}/{number}"), 409, "encoder_version_in_use")
        assert why in str(problem["detail"])
    for number in ("0", "-1", "x", str(2**31)):
        check_problem(api.delete(f"{VERSIONS}/{number}"), 422, "invalid_request")
    check_problem(api.delete("/v1/pools/q/encoders/2"), 404, "pool_not_found")
    assert [each.number for each in versions(api).versions] == [1, 2, 3]
    check_selection(api, tmp_path / "data", 2)


def test_a_version_that_the_gate_refused_is_not_gone_back_to_by_itself(api: TestClient) -> None:
    assert adapt(api).version == 2
    pool = pool_of(api)
    pool.add_version(
        encoder=f"{pool.key}/3",
        fingerprint="f",
        dim=8,
        looks_at_domains=False,
        lineage={"admitted": False},
    )
    check_problem(api.post(ROLLBACK, json={"to": 3}), 422, "invalid_request")  # it is being made
    pool.retire(3)
    assert adapt(api, seed=1).version == 4
    assert rollback(api) == 2
    assert rollback(api) is None


def test_where_there_is_nothing_to_go_back_to(api: TestClient) -> None:
    problem = check_problem(api.post(ROLLBACK, json={}), 409, "pool_not_adapted")
    assert "encoders" in str(problem["hint"])
    assert rollback(api, to=1) is None
    check_problem(api.post(ROLLBACK, json={"to": 2}), 404, "encoder_version_not_found")
    check_problem(api.post(ROLLBACK, json={"to": 0}), 422, "invalid_request")
    check_problem(api.post("/v1/pools/q/rollback", json={}), 404, "pool_not_found")
    check_problem(api.get("/v1/pools/q/encoders"), 404, "pool_not_found")


def test_the_same_key_makes_one_job(api: TestClient) -> None:
    headers = {"idempotency-key": "k"}
    first = api.post(ADAPT, json={"seed": 1}, headers=headers)
    assert (first.status_code, first.headers["location"]) == (202, f"/v1/jobs/{first.json()['id']}")
    assert (first.json()["state"], first.json()["request"]) == ("queued", {"seed": 1})
    assert api.post(ADAPT, json={"seed": 1}, headers=headers).json() == first.json()
    check_problem(api.post(ADAPT, json={"seed": 2}, headers=headers), 409, "idempotency_key_reused")
    check_problem(api.post("/v1/pools/q/adapt", json={}), 404, "pool_not_found")
    assert len(api.get("/v1/jobs?kind=adapt").json()["jobs"]) == 1


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"objective": "triplet"}, "objective", "'cci'"),
        ({"objective": "triplet", "options": {"margin": 1}}, "objective", "'cci'"),
        ({"options": {"margin": 1}}, "options", "margin: cci has temperature, positives, and not this one"),
        ({"options": {"temperature": 0}}, "options", "temperature: "),
        ({"options": {"temperature": "0.1"}}, "options", "temperature: "),
        ({"objective": "supcon", "options": {"positives": "all"}}, "options", "positives: "),
        ({"objective": "cross_entropy", "options": {"positives": "same_class"}}, "options", "positives: "),
        ({"depth": "deepest"}, "depth", "'auto'"),
        ({"budget_seconds": 0}, "budget_seconds", "greater than 0"),
        ({"blocks": 0}, "blocks", "1"),
        ({"seed": -1}, "seed", "0"),
        ({"budget": 60}, "budget", "not permitted"),
    ],
)
def test_what_can_not_be_learnt_is_refused_before_it_is_a_job(
    still: TestClient, body: dict[str, Any], field: str, said: str
) -> None:
    problem = check_problem(still.post(ADAPT, json=body), 422, "invalid_request")
    [error] = problem["errors"]  # type: ignore[misc]
    assert error["field"] == field  # type: ignore[has-type]
    assert said in error["message"]  # type: ignore[has-type]
    assert problem["detail"] == f"{field}: {error['message']}"  # type: ignore[has-type]
    assert still.get("/v1/jobs?kind=adapt").json()["jobs"] == []


def test_vectors_of_the_frozen_encoder_stay_as_they_are(api: TestClient) -> None:
    before = vectors_of(pool_of(api).snapshot())
    adapt(api)
    after = vectors_of(pool_of(api).snapshot())
    assert list(after) == list(before)
    np.testing.assert_array_equal(np.stack([*after.values()]), np.stack([*before.values()]))
