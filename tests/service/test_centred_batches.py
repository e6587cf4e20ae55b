"""Batches by `invariant_select`: broken queries, and queries of an unknown domain that are centred together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.calibration.calibration import Calibration
from encoders.calibration.query_centring import unlabelled_by_domain
from encoders.calibration.steps import Centring
from encoders.decode import decode
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.adapted_pool import adapt, calibration
from tests.service.conftest import Serve, fill, serving
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri, picture, png

BATCH = "/v1/pools/p/select:batch"


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of an app with the pool ``p``, adapted once; no test changes it."""
    with serving(tmp_path_factory.mktemp("adapted")) as client:
        adapt(fill(client))
        yield client


def trunk(number: int) -> np.ndarray:
    return PixelEncoder().encode([decode(png(number))])[0].astype(np.float64)


def by_hand(vector: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The calibration of version 2, spelled out: minus the centre, times the matrix, to length one."""
    _, affine = calibration(2).steps
    mapped = (vector - centre) @ affine.weight.astype(np.float64) + affine.bias
    return np.asarray(mapped / np.linalg.norm(mapped))


def centre_of(domain: str) -> np.ndarray:
    centring, _ = calibration(2).steps
    return np.asarray(centring.centres[centring.names.index(domain)], dtype=np.float64)


def nearest_centre(vector: np.ndarray) -> np.ndarray:
    centring, _ = calibration(2).steps
    return np.asarray(min(centring.centres, key=lambda centre: np.linalg.norm(vector - centre)), dtype=np.float64)


def scores(query: np.ndarray) -> dict[str, float]:
    stored = {f"d{n % 3}/l{n % 4}/{n}.png": by_hand(trunk(n), centre_of(f"d{n % 3}")) for n in range(24)}
    return {id: float(vector @ query) for id, vector in stored.items()}


def batch(client: TestClient, queries: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    body = {"queries": queries, "k": 24, "strategy": "invariant_select", **options}
    response = client.post(BATCH, json=body)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["selections"]
    return answers


def agrees(selection: dict[str, Any], expected: dict[str, float]) -> None:
    found = {each["id"]: each["score"] for each in selection["demonstrations"]}
    assert found == pytest.approx(expected, abs=1e-6)
    assert [each["id"] for each in selection["demonstrations"]] == sorted(expected, key=lambda id: expected[id])


def test_queries_of_an_unknown_domain_are_centred_by_what_they_share(adapted: TestClient) -> None:
    numbers = range(100, 109)
    queries = [{"image": data_uri(number), "domain": "new"} for number in numbers]
    centre = np.mean([trunk(number) for number in numbers], axis=0)
    for number, answer in zip(numbers, batch(adapted, queries, centre_queries="by_domain"), strict=True):
        agrees(answer, scores(by_hand(trunk(number), centre)))
        assert answer["centred_by"] == 9
    for number, answer in zip(numbers, batch(adapted, queries), strict=True):
        agrees(answer, scores(by_hand(trunk(number), nearest_centre(trunk(number)))))
        assert answer["centred_by"] is None


def test_only_images_of_domains_that_are_named_and_unknown_are_centred(adapted: TestClient) -> None:
    new = [{"image": data_uri(number), "domain": "new"} for number in range(100, 108)]
    others: list[dict[str, Any]] = [
        *({"image": data_uri(number), "domain": "d1"} for number in range(110, 120)),
        *({"image": data_uri(number)} for number in range(120, 130)),
        *({"image": data_uri(number), "domain": "rare"} for number in range(130, 137)),
        {"id": "d0/l0/0.png"},
    ]
    answers = batch(adapted, others + new, centre_queries="by_domain")
    plain = batch(adapted, others)
    for answer, alone in zip(answers[: len(others)], plain, strict=True):
        assert answer["demonstrations"] == alone["demonstrations"]
        assert answer["centred_by"] is None
    assert [answer["centred_by"] for answer in answers[len(others) :]] == [8] * 8


def test_copies_and_broken_images_do_not_count(adapted: TestClient) -> None:
    copies = [{"image": data_uri(100), "domain": "new"}] * 9
    broken = [{"image": data_uri(number)[:-40] + "AAAA", "domain": "new"} for number in range(101, 104)]
    few = [{"image": data_uri(number), "domain": "new"} for number in range(101, 107)]
    answers = batch(adapted, copies + broken + few, centre_queries="by_domain")
    assert [each["error"]["code"] for each in answers[9:12]] == ["image_unreadable"] * 3
    assert {each["centred_by"] for each in answers[:9] + answers[12:]} == {None}
    one_more = [{"image": data_uri(107), "domain": "new"}]
    enough = batch(adapted, copies + broken + few + one_more, centre_queries="by_domain")
    sound = enough[:9] + enough[12:]
    assert {each["centred_by"] for each in sound} == {8}
    centre = np.mean([trunk(number) for number in range(100, 108)], axis=0)
    agrees(sound[0], scores(by_hand(trunk(100), centre)))


def test_the_order_of_a_centred_batch_changes_nothing(adapted: TestClient) -> None:
    queries = [{"image": data_uri(number), "domain": "new"} for number in range(100, 112)]
    forth = batch(adapted, queries, centre_queries="by_domain", k=5)
    back = batch(adapted, queries[::-1], centre_queries="by_domain", k=5)[::-1]
    assert [each["demonstrations"] for each in forth] == [each["demonstrations"] for each in back]


def test_an_encoder_that_centres_all_domains_alike_centres_every_one_that_is_named(serve: Serve) -> None:
    centring, affine = calibration(2).steps
    middle = centring.centres.mean(axis=0)
    alike = Calibration((Centring(("",), middle[None]), affine))
    pool = fill(serve(load=lambda name: PixelEncoder(calibration=alike) if "/" in name else PixelEncoder()))
    adapt(pool, encoder=PixelEncoder(calibration=alike))
    numbers = range(100, 108)
    for domain in ("new", "d1"):
        queries = [{"image": data_uri(number), "domain": domain} for number in numbers]
        own = np.mean([trunk(number) for number in numbers], axis=0)
        stored = {f"d{n % 3}/l{n % 4}/{n}.png": by_hand(trunk(n), middle) for n in range(24)}
        for how, centre, by in (({"centre_queries": "by_domain"}, own, 8), ({}, middle, None)):
            for number, answer in zip(numbers, batch(pool, queries, **how), strict=True):
                query = by_hand(trunk(number), centre)
                agrees(answer, {id: float(vector @ query) for id, vector in stored.items()})
                assert answer["centred_by"] == by


def test_an_encoder_that_centres_nothing_centres_no_query(serve: Serve) -> None:
    projected = Calibration(calibration(2).steps[1:])
    pool = fill(serve(load=lambda name: PixelEncoder(calibration=projected) if "/" in name else PixelEncoder()))
    adapt(pool, encoder=PixelEncoder(calibration=projected))
    queries = [{"image": data_uri(number), "domain": "new"} for number in range(100, 110)]
    assert {each["encoder_version"] for each in batch(pool, queries, centre_queries="by_domain")} == {2}
    centred = batch(pool, queries, centre_queries="by_domain")
    assert [each["demonstrations"] for each in centred] == [each["demonstrations"] for each in batch(pool, queries)]
    assert {each["centred_by"] for each in centred} == {None}


def test_centring_is_refused_where_nothing_is_centred(adapted: TestClient) -> None:
    for strategy in ({}, {"strategy": "topk_nearest"}, {"strategy": "random"}):
        body = {"queries": [{"id": "d0/l0/0.png"}], "centre_queries": "by_domain", **strategy}
        check_problem(adapted.post(BATCH, json=body), 422, "invalid_request")
    body = {"queries": [{"id": "d0/l0/0.png"}], "strategies": ["invariant_select"]}
    check_problem(adapted.post(BATCH, json=body), 422, "invalid_request")


def test_a_broken_query_fails_alone_and_the_others_are_answered_as_if_alone(adapted: TestClient) -> None:
    fingerprint = PixelEncoder(calibration=calibration(2)).identity.fingerprint
    frozen = PixelEncoder().identity.fingerprint
    broken = {
        "image_unreadable": {"image": data_uri(1)[:-40] + "AAAA"},
        "request_malformed": {"image": "!!!"},
        "demonstration_not_found": {"id": "nobody"},
        "invalid_vector": {"vector": [1.0] * 16, "fingerprint": fingerprint},
        "fingerprint_mismatch": {"vector": [1.0] * 16, "fingerprint": frozen},
    }
    sound = {"image": data_uri(99), "domain": "d2"}
    answers = batch(adapted, [query for each in broken.values() for query in (each, sound)], k=4)
    assert [each["error"]["code"] for each in answers[::2]] == list(broken)
    [alone] = batch(adapted, [sound], k=4)
    assert all(each["demonstrations"] == alone["demonstrations"] for each in answers[1::2])


def test_an_image_that_is_its_domain_s_centre_fails_alone(serve: Serve) -> None:
    [vector] = PixelEncoder().encode([decode(png(99))])
    centre = Calibration((Centring(("d0", "d1"), np.stack([vector, -vector])),))
    adapted = PixelEncoder(calibration=centre)
    pool = fill(serve(load=lambda name: adapted if "/" in name else PixelEncoder()))
    adapt(pool, encoder=adapted)
    queries = [{"image": data_uri(number), "domain": "d0"} for number in (98, 99, 97)]
    answers = batch(pool, queries, k=3)
    assert ["error" in each for each in answers] == [False, True, False]
    assert answers[1]["error"]["code"] == "internal_error"


@given(
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["a", "b", "known", None])), min_size=1, max_size=40),
)
@settings(max_examples=50, deadline=None)
def test_the_images_that_centre_a_domain_are_its_different_ones(queries: list[tuple[int, str | None]]) -> None:
    vectors = np.stack([trunk_of(number) for number, _ in queries])
    found = unlabelled_by_domain(vectors, [domain for _, domain in queries], ["known"])
    different = {domain: {number for number, other in queries if other == domain} for domain in ("a", "b")}
    assert {domain: len(each) for domain, each in found.items()} == {
        domain: len(numbers) for domain, numbers in different.items() if len(numbers) >= 8
    }
    for domain, each in found.items():
        expected = {trunk_of(number).tobytes() for number in different[domain]}
        assert {vector.tobytes() for vector in each} == expected


_TRUNKS = PixelEncoder().encode([picture(number) for number in range(12)])


def trunk_of(number: int) -> np.ndarray:
    return np.asarray(_TRUNKS[number])
