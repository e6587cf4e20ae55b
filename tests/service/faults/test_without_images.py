"""The object store of the images dies: queries go on, what needs a picture says why, and nothing is half written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest
from botocore.exceptions import ConnectTimeoutError

from index.blobs.object_store import _LITTLE_PATIENCE, _PATIENCE
from index.blobs.opening import open_blobs
from invariantselect.errors import CatalogUnavailableError
from invariantselect.flows.paths import image_path
from tests.s3_server import S3Server
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.jobs.place import wait_until
from tests.service.pictures import data_uri


def upsert(id: str, number: int) -> dict[str, object]:
    return {"demonstrations": [{"id": id, "image": data_uri(number), "label": "l0", "domain": "d0"}]}


def test_queries_go_on_while_the_images_are_gone(
    serve: Serve, own_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_PATIENCE, "retries", {"total_max_attempts": 1})
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


def test_a_store_that_is_mute_holds_up_neither_queries_nor_writes(
    serve: Serve, own_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in (_PATIENCE, _LITTLE_PATIENCE):
        monkeypatch.setitem(patience, "read_timeout", 2)
        monkeypatch.setitem(patience, "retries", {"total_max_attempts": 1})
    client = fill(serve(images_url=f"{own_s3_server.bucket}/pictures", rate_limit="10000/day"))
    ids = [f"d{number % 3}/l{number % 4}/{number}.png" for number in range(24)]
    own_s3_server.stop_answering()
    try:
        with ThreadPoolExecutor(48) as users:
            pictures = [users.submit(client.get, image_path("p", id)) for id in ids * 2]
            limiter = client.app.state.services.pictures._limiter  # type: ignore[attr-defined]
            wait_until(lambda: limiter.borrowed_tokens == limiter.total_tokens)
            assert client.get("/v1/pools/p").status_code == 200
            query = {"query": {"image": data_uri(100)}, "k": 3}
            assert client.post("/v1/pools/p/select", json=query).status_code == 200
            assert not all(each.done() for each in pictures)
            problems = [check_problem(each.result(60), 503, "catalog_unavailable") for each in pictures]
            assert not any("127.0.0.1" in json.dumps(each) or "pictures" in str(each["detail"]) for each in problems)
        began = time.monotonic()
        deleted = client.post("/v1/pools/p/demonstrations:delete", json={"ids": ids[:20]}).json()
        assert deleted["failed"] == 0
        assert time.monotonic() - began < 10  # the first refusal speaks for all of them
    finally:
        own_s3_server.answer_again()
    client.app.state.services.pools.finish_removals()  # type: ignore[attr-defined]
    assert len([*client.app.state.services.pools._blobs.stored()]) == 4  # type: ignore[attr-defined]


def test_an_answer_that_is_cut_off_is_a_store_that_cannot_be_reached(
    tmp_path: Path, own_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = open_blobs(tmp_path, own_s3_server.bucket)
    sha256 = blobs.put(b"a picture")

    def cut_off(*_: object) -> bytes:
        raise aiohttp.ClientPayloadError("Response payload is not completed")

    monkeypatch.setattr(blobs._store._files, "cat_file", cut_off)  # type: ignore[attr-defined]
    with pytest.raises(CatalogUnavailableError, match="ClientPayloadError"):
        blobs.get(sha256)


@pytest.mark.parametrize("stalls", [1, 2])
def test_a_connection_is_tried_again_as_the_machine_may_have_stood_still(
    stalls: int, tmp_path: Path, own_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = open_blobs(tmp_path, own_s3_server.bucket)
    sha256 = blobs.put(b"a picture")
    brief, left = blobs._store._brief, [stalls]  # type: ignore[attr-defined]

    def stalling(really: Callable[[str], object]) -> Callable[[str], object]:
        def ask(path: str) -> object:
            left[0] -= 1
            if left[0] >= 0:
                raise ConnectTimeoutError(endpoint_url="http://127.0.0.1")
            return really(path)

        return ask

    for name in ("info", "rm_file"):
        monkeypatch.setattr(brief, name, stalling(getattr(brief, name)))
    if stalls == 1:
        assert blobs.holds(sha256)
        left[0] = 1
        blobs.discard(sha256)
        assert not blobs.holds(sha256)
    else:
        with pytest.raises(CatalogUnavailableError, match="ConnectTimeoutError"):
            blobs.holds(sha256)
