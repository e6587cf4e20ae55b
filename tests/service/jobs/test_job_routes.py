"""Jobs over REST, without a worker: what is handed in, listed, cancelled, retried and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import Serve
from tests.service.http.test_problems import check_problem

NOBODY = "0" * 24


@pytest.fixture
def api(serve: Serve, tmp_path: Path) -> TestClient:
    (tmp_path / "root" / "scans" / "d" / "l").mkdir(parents=True)
    (tmp_path / "root" / "list.csv").write_text("image,label\n")
    (tmp_path / "secret.csv").write_text("image,label\n")
    (tmp_path / "root" / "way-out.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "root" / "circle").symlink_to(tmp_path / "root" / "circle")
    client = serve(import_root=tmp_path / "root")
    assert client.post("/v1/pools", json={"name": "p"}).status_code == 201
    return client


def rebuild(api: TestClient, **headers: str) -> dict[str, Any]:
    response = api.post("/v1/pools/p/rebuild", headers={name.replace("_", "-"): text for name, text in headers.items()})
    assert response.status_code == 202
    job: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def test_a_rebuild_is_a_job(api: TestClient) -> None:
    job = rebuild(api)
    assert (job["kind"], job["pool"], job["state"], job["attempt"]) == ("rebuild", "p", "queued", 0)
    assert api.get(f"/v1/jobs/{job['id']}").json() == job
    check_problem(api.post("/v1/pools/q/rebuild"), 404, "pool_not_found")


def test_a_rebuild_may_be_asked_for_a_recall(api: TestClient) -> None:
    asked = {"recall": 0.95, "keep_vectors": True}
    job = api.post("/v1/pools/p/rebuild", json=asked)
    assert (job.status_code, job.json()["request"]) == (202, asked)
    assert api.post("/v1/pools/p/rebuild", json={}).status_code == 202
    for wrong in ({"recall": 0}, {"recall": 1}, {"recall": "high"}, {"recal": 0.9}, []):
        check_problem(api.post("/v1/pools/p/rebuild", json=wrong), 422, "invalid_request")
    check_problem(api.post("/v1/pools/p/rebuild", content=b"{"), 415, "unsupported_media_type")
    headers = {"content-type": "application/json"}
    check_problem(api.post("/v1/pools/p/rebuild", content=b"{", headers=headers), 400, "request_malformed")


def test_the_same_key_makes_one_job(api: TestClient) -> None:
    first = rebuild(api, idempotency_key="k-1")
    assert rebuild(api, idempotency_key="k-1") == first
    assert rebuild(api)["id"] != first["id"]
    other = api.post("/v1/pools/p/import", json={"source": "list.csv"}, headers={"idempotency-key": "k-1"})
    check_problem(other, 409, "idempotency_key_reused")
    for key in ("", "a b", "x" * 256):
        response = api.post("/v1/pools/p/rebuild", headers={"idempotency-key": key})
        check_problem(response, 422, "invalid_request")


def test_jobs_are_listed_and_filtered_page_by_page(api: TestClient) -> None:
    ids = [rebuild(api)["id"] for _ in range(5)]
    api.post(f"/v1/jobs/{ids[0]}/cancel")
    page = api.get("/v1/jobs", params={"limit": 3}).json()
    rest = api.get("/v1/jobs", params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [job["id"] for job in [*page["jobs"], *rest["jobs"]]] == sorted(ids, reverse=True)
    assert rest["next_cursor"] is None
    assert [job["id"] for job in api.get("/v1/jobs?state=cancelled&pool=p&kind=rebuild").json()["jobs"]] == [ids[0]]
    assert api.get("/v1/jobs?pool=q").json()["jobs"] == []
    check_problem(api.get("/v1/jobs?cursor=x"), 400, "invalid_cursor")
    check_problem(api.get("/v1/jobs?state=happy"), 422, "invalid_request")


def test_a_job_is_cancelled_and_retried(api: TestClient) -> None:
    path = f"/v1/jobs/{rebuild(api)['id']}"
    check_problem(api.post(f"{path}/retry"), 409, "job_state")
    assert api.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert api.post(f"{path}/cancel").status_code == 200
    assert api.post(f"{path}/retry", headers={"idempotency-key": "r"}).status_code == 202
    again = api.post(f"{path}/retry", headers={"idempotency-key": "r"})
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert api.get(f"{path}/log").json() == {"lines": [], "next_after": None}


@pytest.mark.parametrize("what", ["", "/events", "/log"])
def test_a_job_that_is_not_there_is_not_found(api: TestClient, what: str) -> None:
    check_problem(api.get(f"/v1/jobs/{NOBODY}{what}"), 404, "job_not_found")
    check_problem(api.get(f"/v1/jobs/0{what}"), 422, "invalid_request")
    for verb in ("cancel", "retry"):
        check_problem(api.post(f"/v1/jobs/{NOBODY}/{verb}"), 404, "job_not_found")


@pytest.mark.parametrize("source", ["list.csv", "scans", ".", "./scans"])
def test_an_import_names_a_source_below_the_root_and_may_make_its_pool(api: TestClient, source: str) -> None:
    response = api.post("/v1/pools/new/import", json={"source": source})
    assert response.status_code == 202
    assert response.json()["request"] == {"source": source}


@pytest.mark.parametrize("source", ["../secret.csv", "/etc/passwd", "scans/../../secret.csv", "..", "a\x00b", ""])
def test_a_source_that_can_not_lie_below_the_root_is_refused(api: TestClient, source: str) -> None:
    check_problem(api.post("/v1/pools/p/import", json={"source": source}), 422, "invalid_request")


def test_what_lies_outside_is_answered_like_what_is_not_there(api: TestClient, tmp_path: Path) -> None:
    outside = api.post("/v1/pools/p/import", json={"source": "way-out.csv"})
    nothing = api.post("/v1/pools/p/import", json={"source": "nothing.csv"})
    for response, name in ((outside, "way-out.csv"), (nothing, "nothing.csv")):
        check_problem(response, 422, "dataset_unsupported")
        assert response.json()["detail"] == f"there is nothing at {name} below the import root"
    check_problem(api.post("/v1/pools/p/import", json={"source": "circle"}), 422, "dataset_unsupported")
    check_problem(api.post("/v1/pools/p/import", json={"source": "x" * 4096}), 422, "dataset_unsupported")


def test_without_a_root_nothing_is_imported(still: TestClient) -> None:
    response = still.post("/v1/pools/p/import", json={"source": "list.csv"})
    check_problem(response, 403, "import_disabled")
    assert "INVARIANTSELECT_IMPORT_ROOT" in response.json()["hint"]
