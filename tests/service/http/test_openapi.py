"""The OpenAPI document is complete, and each example in it is one that the server takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from invariantselect.errors import ERRORS
from service.http import examples
from tests.service.adapted_pool import adapt
from tests.service.conftest import Serve

METHODS = {"get", "post", "put", "patch", "delete"}
WITHOUT_BODY = {"cancel_job", "rebuild_pool", "retry_job"}


@pytest.fixture(scope="module")
def document(still: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = still.get("/openapi.json").json()
    return answer


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield method, path, item[method]


def test_each_route_has_a_summary_a_description_a_tag_and_described_parameters(document: dict[str, Any]) -> None:
    known = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert len(operation["description"]) > 20, path
        assert set(operation["tags"]) <= known
        assert "_" in operation["operationId"] or operation["operationId"].isalpha()
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter.get("description") or "null" in str(parameter), (method, path)


def test_each_refusal_is_a_problem_document_and_nothing_of_fastapi_is_left(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            assert set(response["content"]) == {"application/problem+json"}, (path, status)
            content = response["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in content["examples"].items():
                assert example["value"] == ERRORS[code]("What happened, in a sentence.").to_problem()
                assert str(ERRORS[code].status) == status
    assert "HTTPValidationError" not in str(document)


def test_guarded_routes_say_so(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    for _, path, operation in operations(document):
        guarded = path not in ("/livez", "/readyz")
        assert operation.get("security", []) == ([{"ApiKey": []}] if guarded else [])
        assert ("401" in operation["responses"]) == guarded


def test_each_body_is_described_with_an_example(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if method in ("post", "patch") and operation["operationId"] not in WITHOUT_BODY:
            content = operation["requestBody"]["content"]
            assert operation["requestBody"]["required"]
            assert "application/json" not in content or content["application/json"]["examples"], path
    select = document["paths"]["/v1/pools/{pool}/select"]["post"]["requestBody"]["content"]
    assert set(select) == {"application/json", "multipart/form-data", "image/*"}
    upload = document["paths"]["/v1/pools/{pool}/demonstrations:upload"]["post"]["requestBody"]["content"]
    assert set(upload) == {"multipart/form-data"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(document)):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


def test_the_server_takes_each_example(serve: Serve) -> None:
    client = serve(encoders="pixel-8-1")
    create = {**examples.POOL_CREATE["A named encoder"], "encoder": "pixel-8-1"}
    assert client.post("/v1/pools", json=create).status_code == 201
    assert client.post("/v1/pools", json=examples.POOL_CREATE["The server's default encoder"]).status_code == 201
    base = "/v1/pools/skin"
    adapt(client, pool="skin")
    for path, bodies in [
        ("/demonstrations:upsert", examples.UPSERT),
        ("/demonstrations:get", examples.GET),
        ("/select", examples.SELECT),
        ("/select:batch", examples.SELECT_BATCH),
        ("/demonstrations:relabel", examples.RELABEL),
    ]:
        for name, body in bodies.items():
            response = client.post(base + path, json=body)
            assert response.status_code == 200, (name, response.text)
            assert response.json().get("failed", 0) == 0, response.text
    for body in examples.PATCH.values():
        assert client.patch(f"{base}/demonstrations/photo/dog/1.png", json=body).status_code == 200
    for body in examples.EMBEDDINGS.values():
        assert client.post("/v1/embeddings", json=body).status_code == 200
    assert client.post(f"{base}/demonstrations:delete", json=examples.DELETE["By id"]).json()["failed"] == 0


def test_the_document_and_its_page_are_open(serve: Serve) -> None:
    client = serve(host="0.0.0.0")
    assert client.get("/openapi.json").status_code == 200
    page = client.get("/docs")
    assert page.status_code == 200
    assert '<a href="/openapi.json">' in page.text  # for who is offline
    assert "tiangolo" not in page.text
