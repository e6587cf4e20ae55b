"""Hostile files in one batch with sound ones: each is refused by name, the sound ones go in, the server lives on."""

from __future__ import annotations

import base64

import pytest
from fastapi.testclient import TestClient

from tests.encoders.hostile import corpus
from tests.service.conftest import Serve
from tests.service.pictures import data_uri, png

REASONS = {"image_unreadable", "image_too_large", "image_format_unsupported"}
LARGEST = 2 << 20


@pytest.fixture
def client(serve: Serve) -> TestClient:
    client = serve(max_image_pixels=1_000_000, max_image_bytes=LARGEST)
    assert client.post("/v1/pools", json={"name": "p"}).status_code == 201
    return client


def test_an_upsert_of_hostile_files_takes_in_the_sound_ones(client: TestClient) -> None:
    files = corpus()
    sent = [{"id": name, "image": base64.b64encode(data).decode(), "label": "hostile"} for name, data in files.items()]
    for number in range(0, len(sent), 7):
        sent.insert(number, {"id": f"sound {number}", "image": data_uri(number), "label": "sound"})
    outcomes = []
    for begin in range(0, len(sent), 30):
        answer = client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent[begin : begin + 30]})
        assert answer.status_code == 200, answer.text
        outcomes += answer.json()["outcomes"]
    assert [each["id"] for each in outcomes] == [each["id"] for each in sent]
    for each in outcomes:
        if each["id"].startswith("sound"):
            assert each["status"] == "created", each
        elif each["status"] == "failed":
            assert each["error"]["code"] in REASONS, each
        else:
            assert len(files[each["id"]]) <= LARGEST
    failed = {each["id"] for each in outcomes if each["status"] == "failed"}
    assert {name for name in files if name.startswith("claims too much")} <= failed
    stored = client.get("/v1/pools/p").json()["demonstrations"]
    assert stored == len(sent) - len(failed)
    chosen = client.post("/v1/pools/p/select", json={"query": {"image": data_uri(7)}, "k": 1}).json()
    assert chosen["demonstrations"][0]["id"].startswith("sound")


def test_a_stored_polyglot_is_served_as_the_image_it_is_and_nothing_else(client: TestClient) -> None:
    content = corpus()["png and page"]
    sent = {"id": "x", "image": base64.b64encode(content).decode(), "label": "x"}
    done = client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": [sent]}).json()
    assert done["failed"] == 0
    answer = client.get("/v1/pools/p/images/x")
    assert answer.content == content
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["claims too much: png", "gif header and page", "svg", "pdf and jpeg"])
def test_a_hostile_query_is_refused_and_leaves_the_others_of_its_batch_alone(client: TestClient, name: str) -> None:
    sent = [{"id": str(number), "image": data_uri(number), "label": "x"} for number in range(3)]
    client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent})
    data = corpus()[name]
    alone = client.post("/v1/pools/p/select", content=data, headers={"content-type": "image/png"})
    assert alone.json()["code"] in REASONS
    assert 400 <= alone.status_code < 500
    queries = [{"image": data_uri(9)}, {"image": base64.b64encode(data).decode()}, {"image": data_uri(8)}]
    batch = client.post("/v1/pools/p/select:batch", json={"queries": queries, "k": 2}).json()
    assert batch["failed"] == 1
    assert batch["selections"][1]["error"]["code"] in REASONS
    assert all(len(batch["selections"][place]["demonstrations"]) == 2 for place in (0, 2))
    files = [("files", ("a.png", png(50), "image/png")), ("files", ("../../b.png", data, "image/png"))]
    described = '[{"id": "a", "label": "x"}, {"id": "b", "label": "x"}]'
    uploaded = client.post("/v1/pools/p/demonstrations:upload", files=files, data={"demonstrations": described}).json()
    assert [each["status"] for each in uploaded["outcomes"]] == ["created", "failed"]


@pytest.mark.parametrize(
    "word", ["=HYPERLINK(1)", "+1", "@SUM(A1)", "-2+3", "\u202egnp.exe", "\u2066x\u2069", "\u200b", "<b>", "a" * 256]
)
def test_words_that_mean_harm_elsewhere_are_kept_as_they_are(client: TestClient, word: str) -> None:
    sent = {"id": word, "image": data_uri(1), "label": word, "domain": word, "metadata": {word: word}}
    done = client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": [sent]}).json()
    assert done["failed"] == 0
    (chosen,) = client.post("/v1/pools/p/select", json={"query": {"image": data_uri(2)}, "k": 1}).json()[
        "demonstrations"
    ]
    assert (chosen["id"], chosen["label"], chosen["metadata"]) == (word, word, {word: word})


@pytest.mark.parametrize("word", ["", "\x00", "a\x00b", "a\nb", "\x1b[31m", "\x7f", "a" * 600])
def test_words_with_control_characters_are_refused(client: TestClient, word: str) -> None:
    for field in ("id", "label", "domain", "group"):
        sent = {"id": "x", "image": data_uri(1), "label": "x", field: word}
        answer = client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": [sent]})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
