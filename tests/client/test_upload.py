"""Upserts of any number of demonstrations travel in requests of a size that a server takes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from invariantselect import Client, DemonstrationInput, NewDemonstration
from invariantselect.errors import InvalidRequestError, PoolNotFoundError, UnexpectedResponseError
from tests.client import answered
from tests.client.answered import PNG
from tests.client.driven import Driven
from tests.client.scripted_server import Received, Reply, ScriptedServer, as_json, as_problem


def taken(request: Received) -> Reply:
    if request.method == "GET":
        return as_json(answered.pool(snapshot=7))
    return as_json(answered.outcomes([each["id"] for each in request.json["demonstrations"]]))


def batches(server: ScriptedServer) -> list[list[str]]:
    return [[each["id"] for each in request.json["demonstrations"]] for request in server.received]


def test_a_demonstration_is_sent_with_all_it_has(driven: Driven, server: ScriptedServer) -> None:
    server.respond = taken
    new = NewDemonstration("a/1", PNG, "melanoma", domain="vienna", group="p-1", metadata={"age": 54})
    answer = driven.do("upsert", "skin", [new])
    assert (answer.outcomes[0].status, answer.snapshot, answer.failed) == ("created", 4, 0)
    assert (server.received[0].method, server.received[0].target) == ("POST", "/v1/pools/skin/demonstrations:upsert")
    [sent] = server.received[0].json["demonstrations"]
    assert sent.pop("image").startswith("data:image/png;base64,")
    assert sent == {
        "id": "a/1", "label": "melanoma", "domain": "vienna", "group": "p-1", "metadata": {"age": 54}
    }  # fmt: skip


def test_batches_are_cut_by_count_and_by_bytes(driven: Driven, server: ScriptedServer) -> None:
    server.respond = taken
    small = [NewDemonstration(f"s{i}", b"GIF", "x") for i in range(5)]
    large = [NewDemonstration(f"l{i}", b"GIF" * 3000, "x") for i in range(2)]
    huge = NewDemonstration("h", b"GIF" * 30_000, "x")
    answer = driven.do("upsert", "skin", [*small, *large, huge, small[0]], batch_size=3, batch_bytes=13_000)
    assert batches(server) == [["s0", "s1", "s2"], ["s3", "s4", "l0"], ["l1"], ["h"], ["s0"]]
    assert [outcome.id for outcome in answer.outcomes] == [id for batch in batches(server) for id in batch]


def test_images_are_read_and_outcomes_yielded_a_batch_at_a_time(server: ScriptedServer) -> None:
    server.respond = taken
    drawn = []

    def source() -> Iterator[NewDemonstration]:
        for i in range(6):
            drawn.append(i)
            yield NewDemonstration(str(i), PNG, "x")

    with Client(server.url) as client:
        upload = client.iterate_upsert("skin", source(), batch_size=2)
        assert drawn == []
        assert next(upload).id == "0"
        assert drawn == [0, 1]
        assert len(list(upload)) == 5


def test_outcomes_are_iterated(driven: Driven, server: ScriptedServer) -> None:
    server.respond = taken
    new = [NewDemonstration(str(i), PNG, "x") for i in range(5)]
    assert [outcome.id for outcome in driven.do("iterate_upsert", "skin", new, batch_size=2)] == list("01234")
    assert len(server.received) == 3


def test_a_demonstration_that_cannot_be_read_fails_alone_and_in_its_place(
    driven: Driven, server: ScriptedServer, tmp_path: Path
) -> None:
    server.respond = taken
    new = [
        NewDemonstration("good", PNG, "x"),
        NewDemonstration("gone", tmp_path / "gone.png", "x"),
        NewDemonstration("unlabelled", PNG, ""),
        NewDemonstration("empty", io.BytesIO(), "x"),
        DemonstrationInput(id="wire", image="R0lG", label="x"),
    ]
    answer = driven.do("upsert", "skin", new)
    assert [(outcome.id, outcome.status) for outcome in answer.outcomes] == [
        ("good", "created"),
        ("gone", "failed"),
        ("unlabelled", "failed"),
        ("empty", "failed"),
        ("wire", "created"),
    ]
    errors = [(outcome.error or {}).get("code") for outcome in answer.outcomes]
    assert errors == [None, "image_not_found", "demonstration_invalid", "image_unreadable", None]
    assert answer.failed == 3
    assert batches(server) == [["good", "wire"]]


def test_a_batch_of_which_nothing_can_be_read_is_not_sent_and_the_next_one_is(
    driven: Driven, server: ScriptedServer
) -> None:
    server.respond = taken
    new = [NewDemonstration("", PNG, "x"), NewDemonstration("b", b"", "x"), NewDemonstration("c", PNG, "x")]
    answer = driven.do("upsert", "skin", new, batch_size=2)
    assert [outcome.status for outcome in answer.outcomes] == ["failed", "failed", "created"]
    assert batches(server) == [["c"]]


@pytest.mark.parametrize("new", [[], [NewDemonstration("a", b"", "x")]])
def test_an_upsert_that_sends_nothing_answers_with_the_snapshot_as_it_is(
    driven: Driven, server: ScriptedServer, new: list[Any]
) -> None:
    server.respond = taken
    answer = driven.do("upsert", "skin", new)
    assert (answer.snapshot, answer.failed, len(answer.outcomes)) == (7, len(new), len(new))


def test_failures_on_the_server_are_counted(driven: Driven, server: ScriptedServer) -> None:
    failed = {"id": "a", "status": "failed", "error": {"code": "image_unreadable"}}
    server.script(as_json({"outcomes": [failed], "snapshot": 1, "failed": 1}))
    assert driven.do("upsert", "skin", [NewDemonstration("a", b"broken", "x")]).failed == 1


def test_an_answer_with_too_few_outcomes_is_told(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json(answered.outcomes(["a"])))
    with pytest.raises(UnexpectedResponseError, match="1 outcomes for 2"):
        driven.do("upsert", "skin", [NewDemonstration("a", PNG, "x"), NewDemonstration("b", PNG, "x")])


def test_an_upload_stops_at_the_first_refused_request(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "pool_not_found", "detail": "there is no pool 'skin'"}, 404))
    with pytest.raises(PoolNotFoundError, match="skin"):
        driven.do("upsert", "skin", [NewDemonstration(str(i), PNG, "x") for i in range(200)])
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "too_large",
    [
        as_problem({"code": "payload_too_large", "detail": "at most 1000 bytes"}, 413),
        Reply(413, b"<html>413 Request Entity Too Large</html>", {"Content-Type": "text/html"}),  # of a proxy before it
    ],
)
def test_a_server_that_takes_less_gets_smaller_requests_and_only_what_is_still_too_large_fails(
    too_large: Reply, driven: Driven, server: ScriptedServer
) -> None:
    server.respond = lambda request: too_large if len(request.body) > 1000 else taken(request)
    new = [NewDemonstration(str(i), b"GIF" * (1000 if i == 2 else 50), "x") for i in range(7)]
    answer = driven.do("upsert", "skin", new)
    assert [outcome.id for outcome in answer.outcomes] == list("0123456")
    [failed] = [outcome for outcome in answer.outcomes if outcome.status == "failed"]
    assert (failed.id, answer.failed, answer.snapshot) == ("2", 1, 4)
    assert failed.error is not None
    assert failed.error["code"] == "payload_too_large"


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_batch_size_that_no_request_can_have_is_refused(driven: Driven, size: int) -> None:
    with pytest.raises(InvalidRequestError, match="batch_size"):
        driven.do("upsert", "skin", [NewDemonstration("a", PNG, "x")], batch_size=size)
