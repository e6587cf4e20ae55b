from __future__ import annotations

import hashlib

import pytest
from fastapi.testclient import TestClient

from tests.service.pictures import data_uri, png

URL = "/v1/pools/p/images/d0/l0/0.png"


def test_an_image_comes_back_byte_for_byte_and_can_do_no_harm(still: TestClient) -> None:
    response = still.get(URL)
    assert response.content == png(0)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["etag"] == f'"{hashlib.sha256(png(0)).hexdigest()}"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "private" in response.headers["cache-control"]


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"', '"other",W/"{}"', "*"])
def test_a_copy_that_is_still_good_is_not_sent_again(still: TestClient, form: str) -> None:
    etag = still.get(URL).headers["etag"]
    response = still.get(URL, headers={"if-none-match": form.replace('"{}"', etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == etag


@pytest.mark.parametrize("form", ['"other"', "", '"', "nonsense", 'W/"other"', '"{}x"'])
def test_another_copy_is_replaced(still: TestClient, form: str) -> None:
    etag = still.get(URL).headers["etag"].strip('"')
    response = still.get(URL, headers={"if-none-match": form.replace("{}", etag)})
    assert (response.status_code, response.content) == (200, png(0))


def test_a_replaced_image_has_another_etag(pool: TestClient) -> None:
    etag = pool.get(URL).headers["etag"]
    sent = {"demonstrations": [{"id": "d0/l0/0.png", "image": data_uri(77), "label": "l0"}]}
    pool.post("/v1/pools/p/demonstrations:upsert", json=sent)
    response = pool.get(URL, headers={"if-none-match": etag})
    assert (response.status_code, response.content) == (200, png(77))
