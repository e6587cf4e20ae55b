from __future__ import annotations

import base64

import numpy as np
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from encoders.decode import decode
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri, png


def test_embeddings_are_the_encoder_s_vectors_in_both_formats(still: TestClient) -> None:
    expected = PixelEncoder().encode([decode(png(number)) for number in (1, 2)])
    sent = {"input": [data_uri(1), data_uri(2)]}
    floats = still.post("/v1/embeddings", json=sent).json()
    packed = still.post("/v1/embeddings", json={**sent, "encoding_format": "base64"}).json()
    assert [item["index"] for item in floats["data"]] == [0, 1]
    for number in (0, 1):
        np.testing.assert_array_equal(np.float32(floats["data"][number]["embedding"]), expected[number])
        raw = base64.b64decode(packed["data"][number]["embedding"])
        np.testing.assert_array_equal(np.frombuffer(raw, "<f4"), expected[number])
    assert floats["fingerprint"] == PixelEncoder().identity.fingerprint
    assert (floats["object"], floats["model"]) == ("list", "pixel-16-0")


def test_openai_s_own_client_reads_the_answer(still: TestClient) -> None:
    client = OpenAI(api_key="none", base_url="http://localhost/v1", http_client=still)  # type: ignore[arg-type]
    answer = client.embeddings.create(model="pixel-16-0", input=[data_uri(1)], encoding_format="float")
    np.testing.assert_array_equal(np.float32(answer.data[0].embedding), PixelEncoder().encode([decode(png(1))])[0])


def test_a_broken_image_fails_the_request_and_is_named(still: TestClient) -> None:
    problem = check_problem(
        still.post("/v1/embeddings", json={"input": [data_uri(1), "AAAA"]}), 415, "image_format_unsupported"
    )
    assert problem["index"] == 1
    check_problem(still.post("/v1/embeddings", json={"input": []}), 422, "invalid_request")
    check_problem(still.post("/v1/embeddings", json={"input": ""}), 422, "image_unreadable")


@pytest.mark.parametrize("limit", ["max_image_bytes", "max_image_pixels"])
def test_an_image_above_a_limit_is_refused(serve: Serve, limit: str) -> None:
    client = serve(**{limit: 143})
    assert client.post("/v1/embeddings", json={"input": data_uri(1)}).status_code == 413
    check_problem(client.post("/v1/embeddings", json={"input": data_uri(1)}), 413, "image_too_large")
