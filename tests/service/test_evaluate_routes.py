"""Evaluating over REST: handed in, done, its report fetched; and what is refused at once."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient

from invariantselect.wire.evaluation import EvaluationResult
from service.services import Services
from tests.service.adaptable import run_job
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem

EVALUATE = "/v1/pools/p/evaluate"
QUICK = {"shots": [0, 3], "strategies": ["random", "topk_nearest"], "targets": ["noon"]}


@pytest.fixture
def api(adaptable_client: TestClient) -> TestClient:
    return adaptable_client


def test_an_evaluation_is_handed_in_done_and_its_report_fetched(api: TestClient) -> None:
    response = api.post(EVALUATE, json=QUICK)
    assert response.status_code == 202, response.text
    id = response.json()["id"]
    report = f"/v1/jobs/{id}/report"
    check_problem(api.get(f"{report}/report.html"), 404, "report_not_found")  # not yet
    services: Services = api.app.state.services  # type: ignore[attr-defined]
    assert run_job(services, id).state == "succeeded"
    job = api.get(response.headers["location"]).json()
    assert (job["kind"], job["pool"], job["state"], job["request"]) == ("evaluate", "p", "succeeded", QUICK)
    result = EvaluationResult.model_validate(job["result"])
    assert [row.strategy for row in result.rows] == ["none", "random", "topk_nearest"]

    page = api.get(f"{report}/report.html")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in page.text
    figures = api.get(f"{report}/report.json")
    assert figures.headers["content-type"] == "application/json"
    told = {(row["strategy"], row["shots"], row["learner"]): row["accuracy"] for row in figures.json()["rows"]}
    assert told == {(row.strategy, row.shots, row.learner): row.accuracy.model_dump() for row in result.rows}
    table = api.get(f"{report}/answers.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == 36

    api.delete("/v1/pools/p")
    check_problem(api.get(f"{report}/report.html"), 404, "report_not_found")


@pytest.mark.parametrize("file", ["..%2f..%2f..%2fcatalog.sqlite3", "answers.jsonl", "report.html%00", ".lock"])
def test_no_other_file_is_to_be_had(api: TestClient, file: str) -> None:
    id = api.post(EVALUATE, json=QUICK).json()["id"]
    assert api.get(f"/v1/jobs/{id}/report/{file}").status_code in (404, 422)


def test_other_jobs_have_no_report(still: TestClient) -> None:
    check_problem(still.get(f"/v1/jobs/{'0' * 24}/report/report.html"), 404, "job_not_found")
    rebuild = still.post("/v1/pools/p/rebuild")
    assert rebuild.status_code == 202
    check_problem(still.get(f"/v1/jobs/{rebuild.json()['id']}/report/report.html"), 404, "report_not_found")


def test_the_same_key_makes_one_job(api: TestClient) -> None:
    headers = {"idempotency-key": "k"}
    first = api.post(EVALUATE, json={"seed": 1}, headers=headers)
    assert first.json()["request"] == {"seed": 1}
    assert api.post(EVALUATE, json={"seed": 1}, headers=headers).json() == first.json()
    check_problem(api.post(EVALUATE, json={"seed": 2}, headers=headers), 409, "idempotency_key_reused")
    check_problem(api.post("/v1/pools/q/evaluate", json={}), 404, "pool_not_found")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"protocol": "magic"}, "protocol", "'k-fold'"),
        ({"shots": []}, "shots", "at least 1"),
        ({"shots": [-1]}, "shots.0", "0"),
        ({"shots": [1, 1]}, "", "shots has one twice"),
        ({"strategies": ["best"]}, "strategies.0", "'random'"),
        ({"learners": ["oracle"]}, "learners.0", "'vote'"),
        ({"learners": ["lmm"]}, "", "come together"),
        ({"lmm": {"model": "m"}}, "", "come together"),
        ({"learners": ["lmm"], "lmm": {"model": "m", "base_url": "http://evil"}}, "lmm.base_url", "not permitted"),
        ({"learners": ["lmm"], "lmm": {"model": "m", "key_variable": "PATH"}}, "lmm.key_variable", "not permitted"),
        ({"protocol": "k-fold", "targets": ["noon"]}, "", "k-fold has no targets"),
        ({"folds": 1}, "folds", "2"),
        ({"queries": 0}, "queries", "1"),
        ({"centre_queries": True, "shots": [0]}, "", "centre_queries needs"),
        ({"objective": "dcl", "options": {"positives": "all"}}, "options", "positives"),
        ({"out": "/etc"}, "out", "not permitted"),
    ],
)
def test_what_can_not_be_evaluated_is_refused_before_it_is_a_job(
    still: TestClient, body: dict[str, Any], field: str, said: str
) -> None:
    problem = check_problem(still.post(EVALUATE, json=body), 422, "invalid_request")
    [error] = problem["errors"]  # type: ignore[misc]
    assert error["field"] == field  # type: ignore[has-type]
    assert said in error["message"]  # type: ignore[has-type]
    assert still.get("/v1/jobs?kind=evaluate").json()["jobs"] == []


def test_a_model_is_the_operators_word(serve: Serve) -> None:
    asked = {"learners": ["lmm"], "lmm": {"model": "gpt-4o-mini"}}
    shut = fill(serve())
    problem = check_problem(shut.post(EVALUATE, json=asked), 403, "learner_disabled")
    assert "INVARIANTSELECT_LMM_MODELS" in str(problem["hint"])
    other = serve(lmm_models="gpt-4o, llava")
    check_problem(other.post(EVALUATE, json=asked), 403, "learner_disabled")
    allowed = serve(lmm_models="gpt-4o-mini", embedded_worker=False)
    assert allowed.post(EVALUATE, json=asked).status_code == 202
