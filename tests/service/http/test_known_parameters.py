"""A misspelt query parameter is refused by name, on every route under /v1."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.service.http.test_problems import check_problem


def test_a_misspelt_filter_is_refused_with_the_parameters_that_the_route_takes(client: TestClient) -> None:
    response = client.get("/v1/jobs?stat=failed&limit=3")
    check_problem(response, 422, "invalid_request")
    (error,) = response.json()["errors"]
    assert error["field"] == "stat"
    assert error["message"] == "unknown parameter; this route takes pool, kind, state, cursor, limit"


def test_a_route_without_parameters_takes_none(client: TestClient) -> None:
    response = client.get("/v1/pools?limit=3")
    check_problem(response, 422, "invalid_request")
    assert response.json()["errors"] == [{"field": "limit", "message": "unknown parameter; this route takes none"}]


def test_a_name_that_is_no_text_is_refused_too(client: TestClient) -> None:
    check_problem(client.get("/v1/jobs?%F4%8C%A0%980%C2%BE=1&" + "x" * 500 + "=2"), 422, "invalid_request")


def test_probes_may_carry_what_a_balancer_adds(client: TestClient) -> None:
    assert client.get("/livez?from=balancer").status_code == 200
