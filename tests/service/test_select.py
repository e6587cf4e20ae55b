from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.decode import decode
from invariantselect.wire import Selection
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri, png

SELECT = "/v1/pools/p/select"


def select(client: TestClient, **body: Any) -> dict[str, Any]:
    response = client.post(SELECT, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    Selection.model_validate(answer)
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [each["id"] for each in answer["demonstrations"]]


def vector_of(number: int) -> np.ndarray:
    return PixelEncoder().encode([decode(png(number))])[0]


def nearest(query: np.ndarray, k: int, *, but: set[int] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """The reference: all similarities, sorted. The most similar stands last."""
    scored = sorted((-float(vector_of(n) @ query), f"d{n % 3}/l{n % 4}/{n}.png") for n in range(24) if n not in but)
    return [id for _, id in scored[:k]][::-1]


def test_a_query_by_image_gets_its_nearest_and_never_itself(still: TestClient) -> None:
    assert ids(select(still, query={"image": data_uri(99)}, k=5)) == nearest(vector_of(99), 5)
    assert ids(select(still, query={"image": data_uri(3)}, k=5)) == nearest(vector_of(3), 5, but={3})


def test_the_answer_tells_all_about_itself(still: TestClient) -> None:
    answer = select(still, query={"image": data_uri(99)}, k=30, strategy="topk_nearest")
    info = still.get("/v1/pools/p").json()
    assert (answer["pool"], answer["k"], answer["shortfall"], answer["strategy"]) == ("p", 30, 6, "topk_nearest")
    assert {name: answer[name] for name in ("snapshot", "encoder", "fingerprint")} == {
        name: info[name] for name in ("snapshot", "encoder", "fingerprint")
    }
    last = answer["demonstrations"][-1]
    assert last["rank"] == 1
    stored = still.get(f"/v1/pools/p/demonstrations/{last['id']}").json()
    for name in ("label", "domain", "group", "metadata", "image_url", "media_type"):
        assert last[name] == stored[name]
    assert sorted(each["rank"] for each in answer["demonstrations"]) == list(range(1, 25))
    assert still.get(last["image_url"]).status_code == 200


def test_the_ways_to_send_an_image_give_the_same_answer(still: TestClient) -> None:
    options = {"k": 4, "where": {"domain": {"not": "d0"}}, "order": "nearest_first"}
    expected = ids(select(still, query={"image": data_uri(99)}, **options))
    raw = base64.b64encode(png(99)).decode()
    assert ids(select(still, query={"image": raw}, **options)) == expected
    for content_type in ("image/png", "image/x-whatever", "application/octet-stream", "IMAGE/PNG; a=b"):
        response = still.post(
            SELECT, content=png(99), headers={"content-type": content_type}, params={"options": json.dumps(options)}
        )
        assert ids(response.json()) == expected
    for part in [(None, json.dumps(options)), ("o.json", json.dumps(options), "application/json")]:
        response = still.post(SELECT, files={"image": ("q.png", png(99)), "options": part})
        assert ids(response.json()) == expected
    assert len(ids(still.post(SELECT, files={"image": ("q.png", png(99))}).json())) == 7


def test_a_stored_id_and_its_vector_and_its_image_are_the_same_query(still: TestClient) -> None:
    by_id = select(still, query={"id": "d0/l3/3.png"}, k=6)
    by_image = select(still, query={"image": data_uri(3)}, k=6)
    embedding = still.post("/v1/embeddings", json={"input": data_uri(3)}).json()
    vector, fingerprint = embedding["data"][0]["embedding"], embedding["fingerprint"]
    by_vector = select(
        still, query={"vector": vector, "fingerprint": fingerprint}, k=6, exclude={"ids": ["d0/l3/3.png"]}
    )
    assert by_id["demonstrations"] == by_image["demonstrations"] == by_vector["demonstrations"]
    assert by_id["timings"]["decode_ms"] == by_vector["timings"]["encode_ms"] == 0.0


def test_a_vector_of_any_length_is_compared_by_its_direction(still: TestClient) -> None:
    fingerprint = still.get("/v1/pools/p").json()["fingerprint"]
    vector = vector_of(99).astype(float)
    plain = select(still, query={"vector": vector.tolist(), "fingerprint": fingerprint})
    for factor in (1e-300, 3.0, 1e300):
        scaled = select(still, query={"vector": (factor * vector).tolist(), "fingerprint": fingerprint})
        assert ids(scaled) == ids(plain)
        np.testing.assert_allclose(
            [each["score"] for each in scaled["demonstrations"]],
            [each["score"] for each in plain["demonstrations"]],
            atol=1e-6,
        )


@pytest.mark.parametrize(
    ("vector", "code"),
    [([0.0] * 16, "invalid_vector"), ([1.0] * 15, "invalid_vector")],
)
def test_a_vector_that_is_none_of_the_pool_s_is_refused(still: TestClient, vector: list[float], code: str) -> None:
    fingerprint = still.get("/v1/pools/p").json()["fingerprint"]
    body = {"query": {"vector": vector, "fingerprint": fingerprint}}
    check_problem(still.post(SELECT, json=body), 422, code)


def test_a_vector_of_another_encoder_is_refused(still: TestClient) -> None:
    body = {"query": {"vector": [1.0] * 16, "fingerprint": "0" * 64}}
    check_problem(still.post(SELECT, json=body), 409, "fingerprint_mismatch")


def test_a_query_s_group_can_be_kept_out_however_it_is_sent(still: TestClient) -> None:
    exclude = {"own_group": True}
    by_json = select(still, query={"image": data_uri(99), "group": "g0"}, k=24, exclude=exclude)
    options = json.dumps({"k": 24, "exclude": exclude})
    by_body = still.post(
        SELECT,
        content=png(99),
        headers={"content-type": "image/png"},
        params={"options": options, "group": "g0", "domain": "d1"},
    )
    parts = {"image": ("q", png(99)), "options": (None, options), "group": (None, "g0")}
    by_parts = still.post(SELECT, files=parts)
    assert {each["group"] for each in by_json["demonstrations"]} == {"g1"}
    assert ids(by_json) == ids(by_body.json()) == ids(by_parts.json())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": {}}, 422, "invalid_request"),
        ({"query": {"id": "a", "image": "b"}}, 422, "invalid_request"),
        ({"query": {"vector": [1.0]}}, 422, "invalid_request"),
        ({"query": {"id": "nobody"}}, 404, "demonstration_not_found"),
        ({"query": {"image": "AAAA"}}, 415, "image_format_unsupported"),
        ({"query": {"image": "data:,x"}}, 400, "request_malformed"),
        ({"query": {"id": "d0/l0/0.png"}, "k": 0}, 422, "invalid_request"),
        ({"query": {"id": "d0/l0/0.png"}, "strategy": "best"}, 422, "invalid_request"),
        ({"query": {"id": "d0/l0/0.png"}, "where": {"colour": "red"}}, 422, "invalid_filter"),
        ({"query": {"id": "d0/l0/0.png"}, "where": {"label": {"like": "x"}}}, 422, "invalid_filter"),
    ],
)
def test_a_select_that_makes_no_sense_is_refused(
    still: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    check_problem(still.post(SELECT, json=body), status, code)


@pytest.mark.parametrize(
    ("kwargs", "status"),
    [
        ({"content": b"", "headers": {"content-type": "image/png"}}, 422),
        ({"content": png(1), "headers": {"content-type": "image/png"}, "params": {"options": "{"}}, 400),
        ({"content": png(1), "headers": {"content-type": "image/png"}, "params": {"options": '{"k": 0}'}}, 422),
        ({"content": png(1), "headers": {"content-type": "image/png"}, "params": {"group": ""}}, 422),
        ({"content": png(1), "headers": {"content-type": "video/mp4"}}, 415),
        ({"content": png(1)}, 415),
        ({"json": {"query": {"id": "d0/l0/0.png"}}, "params": {"options": "{}"}}, 422),
        ({"files": {"options": (None, "{}")}}, 422),
        ({"files": {"image": ("q", png(1)), "options": (None, "[")}}, 400),
        ({"files": {"image": ("q", png(1)), "group": (None, b"\xff")}}, 422),
        ({"files": {"image": ("q", png(1)), "group": (None, b"")}}, 422),
        ({"files": [("image", ("q", png(1))), ("image", ("q", png(1)))]}, 422),
        ({"files": {"image": ("q", png(1)), "k": (None, "3")}}, 422),
    ],
)
def test_a_select_that_is_sent_wrongly_is_refused(still: TestClient, kwargs: dict[str, Any], status: int) -> None:
    response = still.post(SELECT, **kwargs)
    check_problem(response, status, response.json()["code"])


def test_a_batch_answers_each_query_as_if_it_were_alone(still: TestClient) -> None:
    queries = [{"image": data_uri(number)} for number in range(95, 105)]
    queries += [{"id": "d0/l0/0.png"}, {"image": data_uri(99), "group": "g0"}]
    options = {"k": 5, "strategy": "random", "seed": 4, "exclude": {"own_group": True}}
    answer = still.post(f"{SELECT}:batch", json={"queries": queries, **options}).json()
    assert answer["failed"] == 0
    for query, selection in zip(queries, answer["selections"], strict=True):
        assert selection["demonstrations"] == select(still, query=query, **options)["demonstrations"]


def test_a_broken_query_of_a_batch_fails_alone(still: TestClient) -> None:
    fingerprint = still.get("/v1/pools/p").json()["fingerprint"]
    broken = {
        "image_unreadable": {"image": data_uri(1)[:-40] + "AAAA"},
        "request_malformed": {"image": "!!!"},
        "demonstration_not_found": {"id": "nobody"},
        "invalid_vector": {"vector": [0.0] * 16, "fingerprint": fingerprint},
        "fingerprint_mismatch": {"vector": [1.0] * 16, "fingerprint": "0"},
    }
    queries = [query for each in broken.values() for query in (each, {"image": data_uri(99)})]
    answer = still.post(f"{SELECT}:batch", json={"queries": queries, "k": 3}).json()
    assert answer["failed"] == len(broken)
    assert [each["error"]["code"] for each in answer["selections"][::2]] == list(broken)
    alone = select(still, query={"image": data_uri(99)}, k=3)["demonstrations"]
    assert all(each["demonstrations"] == alone for each in answer["selections"][1::2])


def test_a_broken_option_fails_the_whole_batch(still: TestClient) -> None:
    body = {"queries": [{"id": "d0/l0/0.png"}], "where": {"colour": 1}}
    check_problem(still.post(f"{SELECT}:batch", json=body), 422, "invalid_filter")


def test_what_was_just_written_is_found(pool: TestClient) -> None:
    twin = {"id": "twin", "image": base64.b64encode(png(99) + b"\0").decode(), "label": "new"}
    pool.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": [twin]})
    answer = select(pool, query={"image": data_uri(99)}, k=1)
    assert ids(answer) == ["twin"]
    assert answer["demonstrations"][0]["score"] == pytest.approx(1.0)


@given(
    k=st.integers(1, 30),
    where=st.sampled_from([{}, {"domain": "d1"}, {"label": {"in": ["l0", "l1"]}}, {"metadata.number": {"not": 3}}]),
    label_balance=st.sampled_from(["none", "even", "cover"]),
    order=st.sampled_from(["nearest_last", "nearest_first", "interleaved", "shuffled"]),
    diversity=st.sampled_from([None, {"method": "mmr", "lambda": 0.5}, {"method": "dpp", "lambda": 0.5}]),
)
@settings(max_examples=15, deadline=None)
def test_the_same_request_gets_the_same_answer_without_doubles(still: TestClient, **options: Any) -> None:
    first = select(still, query={"image": data_uri(99)}, **options)
    assert select(still, query={"image": data_uri(99)}, **options)["demonstrations"] == first["demonstrations"]
    assert len(set(ids(first))) == len(ids(first)) == options["k"] - first["shortfall"]
