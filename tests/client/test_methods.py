"""Each method sends the request that the API names and returns what it answers."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from invariantselect import ImageQuery, Query
from invariantselect.errors import (
    FingerprintMismatchError,
    InvalidRequestError,
    UnexpectedResponseError,
)
from tests.client import answered
from tests.client.answered import JPEG, PNG
from tests.client.driven import Driven
from tests.client.scripted_server import Received, Reply, ScriptedServer, as_json, as_problem


def asked(server: ScriptedServer) -> list[tuple[str, str]]:
    return [(request.method, request.target) for request in server.received]


def test_pools_are_listed(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json({"pools": [answered.pool("a"), answered.pool("b")]}))
    assert [pool.name for pool in driven.do("pools")] == ["a", "b"]
    assert asked(server) == [("GET", "/v1/pools")]


def test_a_pool_is_looked_at(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json(answered.pool("skin")))
    assert driven.do("pool", "skin").snapshot == 3
    assert asked(server) == [("GET", "/v1/pools/skin")]


@pytest.mark.parametrize(
    ("keywords", "body"),
    [({}, {"name": "skin"}), ({"encoder": "open_clip:a/b"}, {"name": "skin", "encoder": "open_clip:a/b"})],
)
def test_a_pool_is_made_with_the_servers_encoder_unless_one_is_named(
    driven: Driven, server: ScriptedServer, keywords: dict[str, str], body: dict[str, str]
) -> None:
    server.script(as_json(answered.pool("skin"), 201))
    assert driven.do("create_pool", "skin", **keywords).name == "skin"
    assert asked(server) == [("POST", "/v1/pools")]
    assert server.received[0].json == body
    assert server.received[0].headers["content-type"] == "application/json"


def test_a_pool_is_dropped(driven: Driven, server: ScriptedServer) -> None:
    server.script(Reply(204))
    assert driven.do("drop_pool", "skin") is None
    assert asked(server) == [("DELETE", "/v1/pools/skin")]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "x" * 65])
def test_a_name_that_no_pool_can_have_is_refused_before_it_is_sent(
    driven: Driven, server: ScriptedServer, name: str
) -> None:
    with pytest.raises(InvalidRequestError, match="pool"):
        driven.do("pool", name)
    assert server.received == []


def test_a_demonstration_is_fetched(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json(answered.demonstration("a/1 ü.png")))
    assert driven.do("get", "skin", "a/1 ü.png").metadata == {"age": 54}
    assert asked(server) == [("GET", "/v1/pools/skin/demonstrations/a/1%20%C3%BC.png")]


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("delete", [*map(str, range(1000)), ""]),
        ("get_many", [*map(str, range(1000)), ""]),
        ("relabel", {**{str(number): "cat" for number in range(1000)}, "last": ""}),
    ],
)
def test_nothing_is_sent_of_many_of_which_one_cant_be(
    driven: Driven, server: ScriptedServer, method: str, given: object
) -> None:
    with pytest.raises(InvalidRequestError):
        driven.do(method, "skin", given)
    assert server.received == []


def test_many_demonstrations_are_fetched_a_thousand_at_a_time(driven: Driven, server: ScriptedServer) -> None:
    def respond(request: Received) -> Reply:
        ids = request.json["ids"]
        return as_json({"demonstrations": [answered.demonstration(id) for id in ids[1:]], "missing": ids[:1]})

    server.respond = respond
    answer = driven.do("get_many", "skin", (str(i) for i in range(1500)))
    assert [len(request.json["ids"]) for request in server.received] == [1000, 500]
    assert asked(server)[0] == ("POST", "/v1/pools/skin/demonstrations:get")
    assert answer.missing == ["0", "1000"]
    assert len(answer.demonstrations) == 1498


def test_all_pages_are_iterated(driven: Driven, server: ScriptedServer) -> None:
    server.script(
        as_json({"demonstrations": [answered.demonstration("a")], "next_cursor": "c/1"}),
        as_json({"demonstrations": [], "next_cursor": "c/2"}),
        as_json({"demonstrations": [answered.demonstration("b")]}),
    )
    assert [each.id for each in driven.do("iterate", "skin", page_size=1)] == ["a", "b"]
    path = "/v1/pools/skin/demonstrations"
    assert asked(server) == [
        ("GET", f"{path}?limit=1"),
        ("GET", f"{path}?cursor=c%2F1&limit=1"),
        ("GET", f"{path}?cursor=c%2F2&limit=1"),
    ]


def test_one_page_is_fetched_without_parameters_of_its_own(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json({"demonstrations": [answered.demonstration("a")], "next_cursor": "b"}))
    assert driven.do("page", "skin").next_cursor == "b"
    assert asked(server) == [("GET", "/v1/pools/skin/demonstrations")]


def test_a_server_that_pages_in_circles_is_told(driven: Driven, server: ScriptedServer) -> None:
    page = as_json({"demonstrations": [answered.demonstration("a")], "next_cursor": "same"})
    server.respond = lambda _request: page
    with pytest.raises(UnexpectedResponseError, match="cursor"):
        driven.do("iterate", "skin")


def test_a_patch_sends_only_what_is_named_and_null_where_it_is_none(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json(answered.demonstration("a", label="b")))
    assert driven.do("patch", "skin", "a", label="b", group=None).label == "b"
    assert asked(server) == [("PATCH", "/v1/pools/skin/demonstrations/a")]
    assert server.received[0].json == {"label": "b", "group": None}


def test_an_empty_patch_is_refused_before_it_is_sent(driven: Driven, server: ScriptedServer) -> None:
    with pytest.raises(InvalidRequestError, match="name at least one"):
        driven.do("patch", "skin", "a")
    assert server.received == []


def test_labels_are_changed_a_thousand_at_a_time(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda request: as_json(answered.outcomes(list(request.json["labels"]), "updated"))
    answer = driven.do("relabel", "skin", {str(i): "b" for i in range(1001)})
    assert [len(request.json["labels"]) for request in server.received] == [1000, 1]
    assert asked(server)[0] == ("POST", "/v1/pools/skin/demonstrations:relabel")
    assert len(answer.outcomes) == 1001
    assert (answer.snapshot, answer.failed) == (4, 0)


@pytest.mark.parametrize(("given", "sent"), [("a/1", ["a/1"]), (["a", "b"], ["a", "b"]), (("a", "b"), ["a", "b"])])
def test_demonstrations_are_deleted_one_or_many(
    driven: Driven, server: ScriptedServer, given: Any, sent: list[str]
) -> None:
    server.respond = lambda request: as_json(answered.outcomes(request.json["ids"], "deleted"))
    assert [outcome.id for outcome in driven.do("delete", "skin", given).outcomes] == sent
    assert asked(server) == [("POST", "/v1/pools/skin/demonstrations:delete")]


def test_deleting_nothing_answers_with_the_snapshot_as_it_is(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json(answered.pool("skin", snapshot=9)))
    assert driven.do("delete", "skin", []).snapshot == 9
    assert asked(server) == [("GET", "/v1/pools/skin")]


@pytest.mark.parametrize("id", ["a/../b.png", "..", "/a", "a//b", "a%2Fb", "50%.png?x#y", "ü\\n;:@"])
def test_the_image_of_any_id_is_asked_for_by_exactly_that_id(driven: Driven, server: ScriptedServer, id: str) -> None:
    server.script(Reply(200, PNG, {"Content-Type": "image/png"}))
    assert driven.do("image", "skin", id) == PNG
    assert server.received[0].path == f"/v1/pools/skin/images/{id}"


def test_a_base_url_with_a_prefix_is_kept(connect: Any, server: ScriptedServer) -> None:
    server.script(as_json({"pools": []}))
    assert connect(base_url=f"{server.url}/behind/a/proxy/").do("pools") == []
    assert asked(server) == [("GET", "/behind/a/proxy/v1/pools")]


def test_a_selection_is_asked_for_with_the_options_that_were_given_and_no_others(
    driven: Driven, server: ScriptedServer
) -> None:
    server.script(as_json(answered.selection(["a", "b"])))
    answer = driven.do("select", "skin", JPEG, images=False, k=2, where={"domain": {"not": "x"}})
    assert [chosen.id for chosen in answer.demonstrations] == ["a", "b"]
    assert answer.timings.search_ms == 0.5
    assert asked(server) == [("POST", "/v1/pools/skin/select")]
    assert server.received[0].json == {
        "k": 2,
        "where": {"domain": {"not": "x"}},
        "query": {"image": "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()},
    }


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (Query(id="a/1"), {"id": "a/1"}),
        (Query(vector=[0.5, 0.5], fingerprint="f"), {"vector": [0.5, 0.5], "fingerprint": "f"}),
        (
            ImageQuery(b"GIF89a", group="patient-1"),
            {"image": "data:image/gif;base64,R0lGODlh", "group": "patient-1"},
        ),
    ],
)
def test_a_query_is_an_id_a_vector_or_an_image_with_a_group(
    driven: Driven, server: ScriptedServer, query: Any, sent: dict[str, Any]
) -> None:
    server.script(as_json(answered.selection([])))
    driven.do("select", "skin", query, images=False)
    assert server.received[0].json == {"query": sent}


def test_an_option_that_does_not_exist_is_named_before_anything_is_sent(driven: Driven, server: ScriptedServer) -> None:
    with pytest.raises(InvalidRequestError, match="kk") as caught:
        driven.do("select", "skin", PNG, kk=3)
    assert caught.value.context["errors"][0]["field"] == "kk"
    assert server.received == []


def test_embeddings_travel_as_base64_and_arrive_as_numbers(driven: Driven, server: ScriptedServer) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.6, -0.8)).decode()
    server.script(as_json(answered.embeddings([packed])))
    answer = driven.do("embed", PNG)
    assert answer.data[0].embedding == list(struct.unpack("<2f", struct.pack("<2f", 0.6, -0.8)))
    assert asked(server) == [("POST", "/v1/embeddings")]
    assert server.received[0].json == {
        "input": ["data:image/png;base64," + base64.b64encode(PNG).decode()],
        "encoding_format": "base64",
    }


def test_many_images_are_embedded_in_several_requests_and_come_back_as_one_answer(
    driven: Driven, server: ScriptedServer
) -> None:
    server.respond = lambda request: as_json(answered.embeddings([[1.0, 0.0]] * len(request.json["input"])))
    answer = driven.do("embed", [b"GIF%d" % i for i in range(300)], model="efficientnet-lite0")
    assert [len(request.json["input"]) for request in server.received] == [256, 44]
    assert [item.index for item in answer.data] == list(range(300))
    assert server.received[0].json["model"] == "efficientnet-lite0"


def test_embeddings_of_two_spaces_are_never_mixed(driven: Driven, server: ScriptedServer) -> None:
    server.script(
        as_json(answered.embeddings([[1.0]] * 256, fingerprint="f" * 64)),
        as_json(answered.embeddings([[1.0]], fingerprint="e" * 64)),
    )
    with pytest.raises(FingerprintMismatchError):
        driven.do("embed", [b"GIF"] * 257)


@pytest.mark.parametrize("vectors", [["not base64!"], ["AAAAAAA="], [[1.0], [1.0]], []])
def test_embeddings_that_cannot_be_read_or_are_too_few_are_told(
    driven: Driven, server: ScriptedServer, vectors: Any
) -> None:
    server.script(as_json(answered.embeddings(vectors)))
    with pytest.raises(UnexpectedResponseError):
        driven.do("embed", [PNG])


def test_embedding_nothing_is_refused(driven: Driven) -> None:
    with pytest.raises(InvalidRequestError, match="no image"):
        driven.do("embed", [])


def test_encoders_are_listed(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_json({"encoders": [answered.ENCODER]}))
    assert driven.do("encoders")[0].dim == 1280
    assert asked(server) == [("GET", "/v1/encoders")]


def test_readiness_is_asked_once_and_answered_with_yes_or_no(driven: Driven, server: ScriptedServer) -> None:
    server.script(as_problem({"code": "not_ready"}, 503, {"Retry-After": "5"}), as_json({"status": "ready"}))
    assert driven.do("ready") is False
    assert driven.do("ready") is True
    assert driven.clock.slept == []
    assert asked(server) == [("GET", "/readyz")] * 2
