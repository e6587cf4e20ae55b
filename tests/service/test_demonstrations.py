from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.http.cursors import cursor_after
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri, png

P = "/v1/pools/p/demonstrations"
ONE = f"{P}/d0/l0/0.png"


def upsert(client: TestClient, *demonstrations: dict[str, Any]) -> dict[str, Any]:
    response = client.post(f"{P}:upsert", json={"demonstrations": demonstrations})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def statuses(answer: dict[str, Any]) -> list[str]:
    return [outcome["status"] for outcome in answer["outcomes"]]


def test_a_demonstration_comes_back_as_it_was_sent(still: TestClient) -> None:
    assert still.get(ONE).json() == {
        "id": "d0/l0/0.png",
        "label": "l0",
        "domain": "d0",
        "group": "g0",
        "metadata": {"number": 0},
        "image_url": "/v1/pools/p/images/d0/l0/0.png",
        "image_sha256": hashlib.sha256(png(0)).hexdigest(),
        "media_type": "image/png",
        "width": 12,
        "height": 12,
    }


def test_an_upsert_creates_replaces_updates_or_leaves_alone(pool: TestClient) -> None:
    new = {"id": "new", "image": data_uri(100), "label": "x"}
    answer = upsert(pool, new)
    assert statuses(answer) == ["created"]
    assert answer["snapshot"] == pool.get("/v1/pools/p").json()["snapshot"]
    assert statuses(upsert(pool, new)) == ["unchanged"]
    assert statuses(upsert(pool, {**new, "domain": "d9"})) == ["updated"]
    assert statuses(upsert(pool, {**new, "image": data_uri(101)})) == ["replaced"]
    assert pool.get(f"{P}/new").json()["domain"] is None


def test_what_is_unchanged_makes_no_new_snapshot(pool: TestClient) -> None:
    before = pool.get("/v1/pools/p").json()["snapshot"]
    sent = {"id": "d0/l0/0.png", "image": data_uri(0), "label": "l0", "domain": "d0", "group": "g0"}
    assert upsert(pool, {**sent, "metadata": {"number": 0}})["snapshot"] == before


def test_the_last_of_several_with_one_id_wins(pool: TestClient) -> None:
    first = {"id": "twice", "image": data_uri(100), "label": "a"}
    assert statuses(upsert(pool, first)) == ["created"]
    assert statuses(upsert(pool, {**first, "label": "b"}, first)) == ["updated", "updated"]
    assert pool.get(f"{P}/twice").json()["label"] == "a"


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("data:image/png;base64,!!!!", "request_malformed"),
        ("https://example.com/1.png", "request_malformed"),
        ("", "image_unreadable"),
        ("aGVsbG8gd29ybGQ=", "image_format_unsupported"),
        (data_uri(1)[:-40] + "AAAA", "image_unreadable"),
    ],
)
def test_a_broken_image_fails_alone(pool: TestClient, image: str, code: str) -> None:
    good = {"id": "good", "image": data_uri(100), "label": "x"}
    answer = upsert(pool, {"id": "bad", "image": image, "label": "x"}, good)
    assert statuses(answer) == ["failed", "created"]
    assert answer["failed"] == 1
    problem = answer["outcomes"][0]["error"]
    assert problem["code"] == code
    assert problem["hint"]
    check_problem(pool.get(f"{P}/bad"), 404, "demonstration_not_found")


def test_many_demonstrations_go_in_with_one_request(pool: TestClient) -> None:
    sent = [{"id": f"m{number:03}", "image": data_uri(number % 7), "label": "m"} for number in range(100)]
    assert statuses(upsert(pool, *sent)) == ["created"] * 100
    assert pool.get("/v1/pools/p").json()["demonstrations"] == 124


def test_files_and_their_descriptions_go_in_as_multipart(pool: TestClient) -> None:
    descriptions = [
        {"id": "a", "label": "x", "domain": "d", "group": "g", "metadata": {"k": None}},
        {"id": "b", "label": "y"},
    ]
    files = [
        ("demonstrations", (None, json.dumps(descriptions))),
        ("files", ("1.png", png(100), "image/png")),
        ("files", ("2.png", b"broken")),
    ]
    answer = pool.post(f"{P}:upload", files=files).json()
    assert statuses(answer) == ["created", "failed"]
    assert pool.get(f"{P}/a").json()["metadata"] == {"k": None}
    assert pool.get("/v1/pools/p/images/a").content == png(100)


def test_the_descriptions_may_be_sent_as_a_file_too(pool: TestClient) -> None:
    files = {"demonstrations": ("d.json", b'[{"id": "a", "label": "x"}]', "application/json"), "files": ("1", png(100))}
    assert statuses(pool.post(f"{P}:upload", files=files).json()) == ["created"]


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("files", ("1", b"x"))], 400),
        ([("demonstrations", (None, "{")), ("files", ("1", b"x"))], 400),
        ([("demonstrations", (None, "[]"))], 422),
        ([("demonstrations", (None, '[{"id": "a", "label": "x"}]'))], 422),
        ([("demonstrations", (None, '[{"id": "a"}]')), ("files", ("1", b"x"))], 422),
        ([("demonstrations", (None, '[{"id": "a", "label": "x"}]')), ("image", ("1", b"x"))], 422),
        ([("demonstrations", (None, "[]")), ("demonstrations", (None, "[]"))], 422),
    ],
)
def test_a_multipart_that_does_not_fit_together_is_refused(
    still: TestClient, files: list[tuple[str, Any]], status: int
) -> None:
    response = still.post(f"{P}:upload", files=files)
    check_problem(response, status, response.json()["code"])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=", b"--x"),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n',
        ),
        ("multipart/form-data; boundary=\xff; charset=utf-99", b"--\xff\r\n"),
        ("multipart/form-data; boundary=x", b""),
    ],
)
def test_a_broken_multipart_is_refused(still: TestClient, content_type: str, body: bytes) -> None:
    headers = {"content-type": content_type.encode("latin-1")}
    for path in (f"{P}:upload", "/v1/pools/p/select"):
        response = still.post(path, content=body, headers=headers)
        assert response.status_code in (400, 422), response.text
        check_problem(response, response.status_code, response.json()["code"])


def test_paging_gives_each_demonstration_once_in_the_order_of_ids(still: TestClient) -> None:
    for limit in (1, 7, 24, 1000):
        ids: list[str] = []
        cursor: str | None = None
        while True:
            query = {"limit": limit, **({} if cursor is None else {"cursor": cursor})}
            page = still.get(P, params=query).json()
            assert len(page["demonstrations"]) <= limit
            ids += [each["id"] for each in page["demonstrations"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert ids == sorted(ids)
        assert len(set(ids)) == 24


def test_a_cursor_stays_good_when_its_demonstration_is_deleted(pool: TestClient) -> None:
    page = pool.get(P, params={"limit": 5}).json()
    pool.delete(f"{P}/{page['demonstrations'][-1]['id']}")
    rest = pool.get(P, params={"limit": 1000, "cursor": page["next_cursor"]}).json()
    assert len(rest["demonstrations"]) == 19


@pytest.mark.parametrize("cursor", ["", "x", "!!", "MTo", cursor_after("a")[:-1], cursor_after("a") + "=", "é", "/w"])
def test_a_cursor_of_somebody_else_is_refused(still: TestClient, cursor: str) -> None:
    check_problem(still.get(P, params={"cursor": cursor}), 400, "invalid_cursor")


def test_fetching_by_id_keeps_the_order_and_names_what_is_missing(still: TestClient) -> None:
    ids = ["d1/l1/1.png", "nobody", "d0/l0/0.png", "d1/l1/1.png"]
    answer = still.post(f"{P}:get", json={"ids": ids}).json()
    assert [each["id"] for each in answer["demonstrations"]] == ["d1/l1/1.png", "d0/l0/0.png", "d1/l1/1.png"]
    assert answer["missing"] == ["nobody"]


def test_relabelling_changes_the_label_alone(pool: TestClient) -> None:
    before = pool.get(ONE).json()
    answer = pool.post(f"{P}:relabel", json={"labels": {"d0/l0/0.png": "new", "nobody": "x", "d1/l1/1.png": "l1"}})
    assert statuses(answer.json()) == ["updated", "failed", "unchanged"]
    assert answer.json()["outcomes"][1]["error"]["code"] == "demonstration_not_found"
    assert pool.get(ONE).json() == {**before, "label": "new"}


def test_a_patch_leaves_out_keeps_and_null_clears(pool: TestClient) -> None:
    before = pool.get(ONE).json()
    after = pool.patch(ONE, json={"group": None, "metadata": {"a": 1.5}}).json()
    assert after == {**before, "group": None, "metadata": {"a": 1.5}}
    assert pool.get(ONE).json() == after
    check_problem(pool.patch(ONE, json={"label": None}), 422, "invalid_request")
    check_problem(pool.patch(ONE, json={}), 422, "invalid_request")
    check_problem(pool.patch(f"{P}/nobody", json={"label": "x"}), 404, "demonstration_not_found")


def test_deleting_takes_one_or_many_and_is_seen_at_once(pool: TestClient) -> None:
    assert pool.delete(ONE).status_code == 204
    check_problem(pool.delete(ONE), 404, "demonstration_not_found")
    answer = pool.post(f"{P}:delete", json={"ids": ["d1/l1/1.png", "d0/l0/0.png"]}).json()
    assert statuses(answer) == ["deleted", "failed"]
    chosen = pool.post("/v1/pools/p/select", json={"query": {"id": "d2/l2/2.png"}, "k": 100}).json()
    assert len(chosen["demonstrations"]) == 21
    assert answer["snapshot"] == chosen["snapshot"]


@pytest.mark.parametrize("number", ["1" * 5000, "1e400", "NaN", "-Infinity", "[1]", "{}"])
def test_metadata_that_can_not_be_kept_is_refused(still: TestClient, number: str) -> None:
    body = f'{{"metadata": {{"n": {number}}}}}'.encode()
    response = still.patch(ONE, content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422), response.text
    assert still.get(ONE).json()["metadata"] == {"number": 0}


def test_large_numbers_in_metadata_come_back_as_they_were(pool: TestClient) -> None:
    metadata = {"big": 10**30, "small": 5e-324, "minus": -(2**63) - 1, "text": "é\u2028😀", "bool": True}
    assert pool.patch(ONE, json={"metadata": metadata}).json()["metadata"] == metadata
    assert pool.get(ONE).json()["metadata"] == metadata
