"""`invariant_select` against brute force in the adapted space; several strategies from one forward pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from encoders.decode import Undecoded, decode
from encoders.encoder import Encoder
from index.encoder_version import EncoderVersion
from invariantselect.wire import Comparison, Selection
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.adapted_pool import OTHER_TRUNK, adapt, adapted_encoder, pool_of
from tests.service.conftest import Serve, fill, load_pixel_encoder, serving
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri, png

SELECT = "/v1/pools/p/select"
BOTH = ["topk_nearest", "invariant_select"]
Client = tuple[TestClient, EncoderVersion]


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an app with the pool ``p``, adapted once; no test changes it."""
    with serving(tmp_path_factory.mktemp("adapted")) as client:
        version = adapt(fill(client))
        yield client, version


def vector(number: int, domain: str | None, version: int = 2) -> np.ndarray:
    encoder = PixelEncoder() if version == 1 else adapted_encoder(version)
    return encoder.encode([decode(png(number))], [domain])[0]


def ranking(query: np.ndarray, version: int = 2, but: set[int] = frozenset()) -> list[tuple[str, float]]:  # type: ignore[assignment]
    """The reference: every demonstration, encoded with its own domain, by its similarity."""
    vectors = {f"d{n % 3}/l{n % 4}/{n}.png": vector(n, f"d{n % 3}", version) for n in range(24) if n not in but}
    return sorted(((id, float(each @ query)) for id, each in vectors.items()), key=lambda each: -each[1])


def post(client: TestClient, **body: Any) -> dict[str, Any]:
    response = client.post(SELECT, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def agrees(answer: dict[str, Any], expected: list[tuple[str, float]]) -> None:
    found = [(each["id"], each["score"]) for each in answer["demonstrations"]][::-1]
    assert [id for id, _ in found] == [id for id, _ in expected[: len(found)]]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected[: len(found)]], atol=1e-6)


@pytest.mark.parametrize("domain", ["d0", "d2", "nowhere", None])
def test_an_image_is_searched_in_the_adapted_space_with_its_domain(adapted: Client, domain: str | None) -> None:
    client, version = adapted
    known = {} if domain is None else {"domain": domain}
    query = {"image": data_uri(99), **known}
    answer = post(client, query=query, strategy="invariant_select", k=9)
    agrees(answer, ranking(vector(99, domain)))
    assert (answer["encoder_version"], answer["encoder"]) == (2, version.encoder)
    assert (answer["fingerprint"], answer["strategy"]) == (version.fingerprint, "invariant_select")


def test_the_other_strategies_search_as_before(adapted: Client, still: TestClient) -> None:
    client, _ = adapted
    query = {"image": data_uri(99), "domain": "d1"}
    answer = post(client, query=query, k=9)
    agrees(answer, ranking(vector(99, None, 1), 1))
    assert (answer["encoder_version"], answer["fingerprint"]) == (1, PixelEncoder().identity.fingerprint)
    drawn = [post(each, query=query, k=9, strategy="random", seed=3) for each in (client, still)]
    assert drawn[0]["demonstrations"] == drawn[1]["demonstrations"]


def test_a_stored_demonstration_is_searched_by_its_own_vector_and_never_found(adapted: Client) -> None:
    client, _ = adapted
    answer = post(client, query={"id": "d0/l3/3.png"}, strategy="invariant_select", k=23)
    agrees(answer, ranking(vector(3, "d0"), but={3}))
    same = post(client, query={"image": data_uri(3), "domain": "d0"}, strategy="invariant_select", k=23)
    assert same["demonstrations"] == answer["demonstrations"]


def test_a_vector_is_of_the_strategy_s_encoder_version(adapted: Client) -> None:
    client, version = adapted
    asked = {"vector": vector(99, "d1").tolist(), "fingerprint": version.fingerprint}
    agrees(post(client, query=asked, strategy="invariant_select", k=9), ranking(vector(99, "d1")))
    frozen = {"vector": vector(99, None, 1).tolist(), "fingerprint": PixelEncoder().identity.fingerprint}
    agrees(post(client, query=frozen, k=9), ranking(vector(99, None, 1), 1))
    for query, options in [
        (asked, {"strategy": "topk_nearest"}),
        (frozen, {"strategy": "invariant_select"}),
        (frozen, {"strategies": BOTH}),
    ]:
        response = client.post(SELECT, json={"query": query, **options})
        check_problem(response, 409, "fingerprint_mismatch")
        assert "encoder version" in response.json()["detail"]


def test_options_mean_the_same_in_the_adapted_space(adapted: Client) -> None:
    client, _ = adapted
    expected = ranking(vector(99, "d1"))
    query = {"image": data_uri(99), "domain": "d1"}
    near = {"near_duplicates_above": expected[2][1]}
    barred = post(client, query=query, strategy="invariant_select", k=5, exclude=near)
    agrees(barred, expected[3:])
    even = post(client, query=query, strategy="invariant_select", k=8, label_balance="even")
    assert sorted(each["label"] for each in even["demonstrations"]) == sorted(["l0", "l1", "l2", "l3"] * 2)
    kept = post(client, query=query, strategy="invariant_select", k=24, where={"domain": {"not": "d1"}})
    agrees(kept, [each for each in expected if not each[0].startswith("d1")])
    varied = post(client, query=query, strategy="invariant_select", k=5, diversity={"method": "mmr", "lambda": 1.0})
    agrees(varied, expected)


@pytest.mark.parametrize(
    "query", [{"image": data_uri(99), "domain": "d1"}, {"image": data_uri(99)}, {"id": "d0/l0/0.png"}]
)
def test_a_comparison_holds_what_each_strategy_answers_alone(adapted: Client, query: dict[str, Any]) -> None:
    client, _ = adapted
    strategies = ["invariant_select", "random", "topk_nearest"]
    options = {"k": 6, "seed": 4, "label_balance": "cover", "order": "shuffled"}
    answer = post(client, query=query, strategies=strategies, **options)
    assert list(Comparison.model_validate(answer).selections) == strategies
    for strategy, compared in answer["selections"].items():
        alone = post(client, query=query, strategy=strategy, **options)
        assert {**compared, "timings": None} == {**alone, "timings": None}


def test_a_comparison_can_be_asked_for_with_a_file(adapted: Client) -> None:
    client, _ = adapted
    options = {"strategies": BOTH, "k": 3}
    by_json = post(client, query={"image": data_uri(99), "domain": "d1"}, **options)["selections"]
    sent = json.dumps(options)
    parts = {"image": ("q.png", png(99)), "options": (None, sent), "domain": (None, "d1")}
    by_parts = client.post(SELECT, files=parts).json()["selections"]
    headers, params = {"content-type": "image/png"}, {"options": sent, "domain": "d1"}
    by_body = client.post(SELECT, content=png(99), headers=headers, params=params).json()["selections"]
    for strategy in BOTH:
        found = {json.dumps(each[strategy]["demonstrations"]) for each in (by_json, by_parts, by_body)}
        assert len(found) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"strategies": []},
        {"strategies": ["best"]},
        {"strategies": ["random", "random"]},
        {"strategies": BOTH, "strategy": "topk_nearest"},
        {"strategies": ["random"], "diversity": {"method": "mmr"}},
    ],
)
def test_strategies_that_make_no_sense_are_refused(adapted: Client, options: dict[str, Any]) -> None:
    client, _ = adapted
    check_problem(client.post(SELECT, json={"query": {"id": "d0/l0/0.png"}, **options}), 422, "invalid_request")


class Tally:
    """Counts images decoded, and images given to each trunk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoded = 0
        self.forwarded: dict[str, int] = {}
        plain = Undecoded.decode

        def counted(opened: Undecoded) -> Any:
            self.decoded += 1
            return plain(opened)

        monkeypatch.setattr(Undecoded, "decode", counted)

    def load(self, name: str) -> Encoder:
        encoder, tally = load_pixel_encoder(name), self
        forward = encoder.forward

        def counted(batch: np.ndarray) -> np.ndarray:
            tally.forwarded[encoder.identity.trunk] = tally.forwarded.get(encoder.identity.trunk, 0) + len(batch)
            return forward(batch)

        encoder.forward = counted  # type: ignore[method-assign]
        return encoder


@pytest.mark.parametrize("cache", [0, 1 << 20])
def test_strategies_of_one_trunk_share_one_decoding_and_one_forward_pass(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: int
) -> None:
    tally = Tally(monkeypatch)
    client = fill(serve(load=tally.load, embedding_cache_bytes=cache))
    adapt(client)
    tally.decoded, tally.forwarded = 0, {}
    answer = post(client, query={"image": data_uri(99)}, strategies=["random", *BOTH])
    assert (tally.decoded, list(tally.forwarded.values())) == (1, [1])
    assert all(each["timings"]["encode_ms"] > 0 for each in answer["selections"].values())
    post(client, query={"image": data_uri(99)}, strategy="invariant_select")
    assert sum(tally.forwarded.values()) == (1 if cache else 2)


def test_trunks_of_their_own_share_the_decoding(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(monkeypatch)
    client = fill(serve(load=tally.load, embedding_cache_bytes=0))
    stored = pool_of(client)
    while stored.reserve_number() < OTHER_TRUNK - 1:
        pass
    version = adapt(client)
    assert version.number == OTHER_TRUNK
    tally.decoded, tally.forwarded = 0, {}
    answer = post(client, query={"image": data_uri(99), "domain": "d1"}, strategies=BOTH, k=9)["selections"]
    assert (tally.decoded, sorted(tally.forwarded.values())) == (1, [1, 1])
    agrees(answer["invariant_select"], ranking(vector(99, "d1", OTHER_TRUNK), OTHER_TRUNK))
    agrees(answer["topk_nearest"], ranking(vector(99, None, 1), 1))


@pytest.mark.parametrize("asked", [{"strategy": "invariant_select"}, {"strategies": BOTH}])
def test_before_the_pool_is_adapted_the_way_there_is_told(still: TestClient, asked: dict[str, Any]) -> None:
    for query in ({"image": data_uri(99)}, {"id": "d0/l0/0.png"}):
        response = still.post(SELECT, json={"query": query, **asked})
        check_problem(response, 409, "pool_not_adapted")
        assert "invariantselect adapt --pool p" in response.json()["hint"]
    if "strategy" in asked:
        batch = {"queries": [{"image": data_uri(99)}], **asked}
        check_problem(still.post(f"{SELECT}:batch", json=batch), 409, "pool_not_adapted")


def test_after_the_way_back_to_the_frozen_encoder_nothing_adapted_answers(pool: TestClient) -> None:
    adapt(pool)
    post(pool, query={"image": data_uri(99)}, strategy="invariant_select")
    pool_of(pool).switch(1, lambda _: np.zeros((0, 16), np.float32))
    body = {"query": {"image": data_uri(99)}, "strategy": "invariant_select"}
    check_problem(pool.post(SELECT, json=body), 409, "pool_not_adapted")
    agrees(post(pool, query={"image": data_uri(99)}, k=9), ranking(vector(99, None, 1), 1))


def test_what_was_just_written_is_found_in_both_spaces(pool: TestClient) -> None:
    adapt(pool)
    twin = {"id": "twin", "image": data_uri(98), "label": "new", "domain": "d1"}
    pool.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": [twin]})
    query = {"vector": vector(98, "d1").tolist(), "fingerprint": adapted_encoder(2).identity.fingerprint}
    answer = post(pool, query=query, strategy="invariant_select", k=1)
    assert [each["id"] for each in answer["demonstrations"]] == ["twin"]
    assert answer["demonstrations"][0]["score"] == pytest.approx(1.0)
    both = post(pool, query={"id": "d0/l0/0.png"}, strategies=BOTH, k=24)["selections"]
    assert all("twin" in {each["id"] for each in chosen["demonstrations"]} for chosen in both.values())
    assert len({chosen["snapshot"] for chosen in both.values()}) == 1


def test_a_pool_tells_its_encoder_versions(pool: TestClient) -> None:
    before = pool.get("/v1/pools/p").json()
    assert (before["serving_version"], [each["state"] for each in before["encoder_versions"]]) == (None, ["frozen"])
    version = adapt(pool)
    info = pool.get("/v1/pools/p").json()
    assert info["serving_version"] == 2
    assert (info["encoder"], info["fingerprint"], info["dim"]) == (before["encoder"], before["fingerprint"], 16)
    frozen, serving_one = info["encoder_versions"]
    assert (frozen["number"], frozen["fingerprint"], frozen["state"]) == (1, info["fingerprint"], "frozen")
    assert (serving_one["number"], serving_one["fingerprint"], serving_one["dim"]) == (2, version.fingerprint, 12)
    assert (serving_one["state"], serving_one["looks_at_domains"]) == ("serving", True)
    assert serving_one["lineage"] == {"depth": "closed_form"}
    assert pool.get("/v1/pools").json()["pools"] == [info]
    adapt(pool)
    states = [each["state"] for each in pool.get("/v1/pools/p").json()["encoder_versions"]]
    assert states == ["frozen", "retired", "serving"]


def test_a_selection_of_the_wire_says_which_space_it_is_of(adapted: Client) -> None:
    client, _ = adapted
    answer = post(client, query={"id": "d0/l0/0.png"}, strategy="invariant_select")
    assert Selection.model_validate(answer).encoder_version == 2
