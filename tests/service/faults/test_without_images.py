"""The object store of the images dies: queries go on, what needs a picture says why, and nothing is half written."""

from __future__ import annotations

import pytest

from index.blobs.object_store import _PATIENCE
from invariantselect.flows.paths import image_path
from tests.s3_server import S3Server
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri


def upsert(id: str, number: int) -> dict[str, object]:
    return {"demonstrations": [{"id": id, "image": data_uri(number), "label": "l0", "domain": "d0"}]}


def test_queries_go_on_while_the_images_are_gone(
    serve: Serve, own_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_PATIENCE, "retries", {"max_attempts": 1})
    s3 = own_s3_server
    client = fill(serve(images_url=f"{s3.bucket}/pictures"))
    image, query = image_path("p", "d0/l0/0.png"), {"query": {"image": data_uri(100)}, "k": 24}
    before = client.post("/v1/pools/p/select", json=query).json()["demonstrations"]
    assert client.get(image).status_code == 200

    s3.kill()
    assert client.post("/v1/pools/p/select", json=query).json()["demonstrations"] == before
    for refused in (
        client.get(image),
        client.post("/v1/pools/p/demonstrations:upsert", json=upsert("new", 101)),
    ):
        problem = check_problem(refused, 503, "catalog_unavailable")
        assert problem["detail"].startswith("the images at the object store can't be reached")
        assert "AWS_" in problem["hint"]
    # What deletes needs the catalog alone; the image is removed later.
    assert client.delete("/v1/pools/p/demonstrations/d1/l1/1.png").status_code == 204
    assert client.get("/readyz").json()["status"] == "ok"

    s3.start()  # it has forgotten everything, which a real one hasn't
    assert client.post("/v1/pools/p/demonstrations:upsert", json=upsert("new", 101)).json()["failed"] == 0
    assert client.get(image_path("p", "new")).status_code == 200
    check_problem(client.get(image), 500, "store_corrupt")
    after = client.post("/v1/pools/p/select", json=query).json()["demonstrations"]
    assert {each["id"] for each in after} == {each["id"] for each in before} - {"d1/l1/1.png"} | {"new"}
