from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from invariantselect.errors import ERRORS, InternalError, OverloadedError, error_from_problem
from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve

MEMBERS = {"type", "title", "status", "detail", "code", "hint", "instance", "request_id"}


def check_problem(response: object, status: int, code: str) -> dict[str, object]:
    assert response.status_code == status, response.text  # type: ignore[attr-defined]
    assert response.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    problem: dict[str, object] = response.json()  # type: ignore[attr-defined]
    assert set(problem) >= MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == response.headers["x-request-id"]  # type: ignore[attr-defined]
    return problem


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app with routes that raise whatever is asked for."""
    app: FastAPI = create_app(Settings(data=tmp_path_factory.mktemp("data")), load_encoder=lambda _: PixelEncoder())
    router = APIRouter()

    @router.get("/raise/{code}")
    async def raise_ours(code: str) -> None:
        raise ERRORS[code]("it happened", pool="p")

    @router.get("/defect")
    async def defect() -> None:
        raise ZeroDivisionError("secret data:image/png;base64,AAAA")

    @router.get("/busy")
    async def busy() -> None:
        raise OverloadedError("busy", retry_after=7)

    app.include_router(router)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_each_error_is_answered_with_its_problem_and_read_back_as_its_class(failing: TestClient, code: str) -> None:
    response = failing.get(f"/raise/{code}")
    problem = check_problem(response, ERRORS[code].status, code)
    assert problem["pool"] == "p"
    assert problem["instance"] == f"/raise/{code}"
    assert type(error_from_problem(problem, status=response.status_code)) is ERRORS[code]


def test_a_defect_is_a_500_that_tells_nothing_of_the_inside(failing: TestClient) -> None:
    response = failing.get("/defect")
    check_problem(response, 500, InternalError.code)
    assert "secret" not in response.text


def test_retry_after_is_a_header(failing: TestClient) -> None:
    assert failing.get("/busy").headers["retry-after"] == "7"


def test_an_unknown_path_is_a_problem(still: TestClient) -> None:
    check_problem(still.get("/v2/pools"), 404, "route_not_found")
    check_problem(still.get("/v1/pools/"), 404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/pools", "GET, POST"),
        ("POST", "/v1/pools/p", "DELETE, GET"),
        ("PUT", "/v1/pools/p/demonstrations/a/b", "DELETE, GET, PATCH"),
        ("TRACE", "/livez", "GET"),
        ("GET", "/v1/pools/p/select", "POST"),
    ],
)
def test_a_wrong_method_is_a_problem_that_names_all_right_ones(
    still: TestClient, method: str, path: str, allowed: str
) -> None:
    response = still.request(method, path)
    check_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "image/png", "application/x-json"])
def test_a_wrong_content_type_is_a_problem(still: TestClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    check_problem(still.post("/v1/pools", content=b'{"name": "p"}', headers=headers), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000, b'{"a":' * 50_000, b'"' + b"a" * 10]
)
def test_what_is_no_json_is_a_problem(still: TestClient, body: bytes) -> None:
    response = still.post("/v1/pools", content=body, headers={"content-type": "application/json"})
    check_problem(response, 400, "request_malformed")


@pytest.mark.parametrize("body", [b"null", b"[]", b"3", b'{"name": 3}', b'{"name": "p", "nmae": 1}', b"1" * 5000])
def test_what_is_not_valid_is_a_problem_that_names_the_field(still: TestClient, body: bytes) -> None:
    response = still.post("/v1/pools", content=body, headers={"content-type": "application/json; charset=utf-8"})
    assert check_problem(response, response.status_code, str(response.json()["code"]))
    assert response.status_code in (400, 422)
    if response.status_code == 422:
        assert all(set(error) == {"field", "message"} for error in response.json()["errors"])


def test_a_filter_nested_without_end_is_a_client_error(still: TestClient) -> None:
    depth = 150
    nested = json.loads('{"not":' * depth + "1" + "}" * depth)
    response = still.post("/v1/pools/p/select", json={"query": {"id": "d0/l0/0.png"}, "where": {"label": nested}})
    check_problem(response, 422, "invalid_filter")


def test_an_error_never_repeats_what_was_sent(still: TestClient) -> None:
    image = "data:image/png;base64," + "QUJD" * 50
    sent = {"demonstrations": [{"id": "1", "image": {"nested": image}, "label": image * 5}]}
    response = still.post("/v1/pools/p/demonstrations:upsert", json=sent)
    check_problem(response, 422, "invalid_request")
    assert "QUJD" not in response.text


def test_errors_of_a_long_batch_are_cut(still: TestClient) -> None:
    response = still.post("/v1/pools/p/demonstrations:get", json={"ids": [1] * 1000})
    assert len(response.json()["errors"]) == 50


def test_a_broken_query_parameter_is_a_problem(still: TestClient) -> None:
    problem = check_problem(still.get("/v1/pools/p/demonstrations?limit=0"), 422, "invalid_request")
    assert problem["errors"] == [{"field": "limit", "message": "Input should be greater than or equal to 1"}]


def test_a_request_keeps_its_id_if_it_is_harmless(still: TestClient) -> None:
    assert still.get("/livez", headers={"x-request-id": "trace-7"}).headers["x-request-id"] == "trace-7"
    for hostile in ("a b", "x" * 129, "a\tb", '"', ""):
        given = still.get("/livez", headers={"x-request-id": hostile}).headers["x-request-id"]
        assert given != hostile
        assert len(given) == 32


def test_a_failure_outside_of_every_route_is_a_problem(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.http import body_limit

    client = serve()
    monkeypatch.setattr(body_limit, "Headers", None)
    check_problem(client.get("/livez"), 500, "internal_error")


def test_a_body_of_junk_is_refused_without_telling_of_every_field(client: TestClient) -> None:
    few, many = ({str(number): 0 for number in range(count)} for count in (60, 2000))
    problem = check_problem(client.post("/v1/pools", json=few), 422, "invalid_request")
    assert len(problem["errors"]) == 50
    problem = check_problem(client.post("/v1/pools", json=many), 422, "invalid_request")
    assert problem["errors"] == []
    assert "2001 things are wrong" in problem["detail"]  # and there is no name
