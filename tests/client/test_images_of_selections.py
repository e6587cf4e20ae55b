"""A selection brings the images that its prompt needs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from invariantselect import Query, Selection, SelectionFailure
from invariantselect.errors import DemonstrationNotFoundError, PromptInvalidError, UnexpectedResponseError
from tests.client import answered
from tests.client.answered import PNG
from tests.client.driven import Driven
from tests.client.scripted_server import Answer, Received, Reply, ScriptedServer, as_json, as_problem


class PoolOfPictures:
    """Answers select with the ids in `chosen`, and images with ``bytes of <id>``."""

    def __init__(self, *chosen: list[str] | None) -> None:
        self.chosen = chosen

    def __call__(self, request: Received) -> Answer:
        _, _, id = request.path.partition("/images/")
        if id:
            return Reply(200, f"bytes of {id}".encode(), {"Content-Type": "image/png"})
        if request.path.endswith(":batch"):
            failure = {"error": {"code": "image_unreadable"}}
            answers = [failure if ids is None else answered.selection(ids) for ids in self.chosen]
            return as_json({"selections": answers, "failed": self.chosen.count(None)})
        return as_json(answered.selection(self.chosen[0] or []))


def images_asked_for(server: ScriptedServer) -> list[str]:
    return sorted(request.path.partition("/images/")[2] for request in server.received if "/images/" in request.path)


def test_a_selection_brings_the_images_of_the_chosen_and_of_the_query(driven: Driven, server: ScriptedServer) -> None:
    ids = [f"a/{i}.png" for i in range(20)]
    server.respond = PoolOfPictures(ids)
    selection: Selection = driven.do("select", "skin", PNG)
    assert [selection.image(id) for id in ids] == [f"bytes of {id}".encode() for id in ids]
    assert selection.query_image == PNG
    assert images_asked_for(server) == sorted(ids)


def test_the_image_of_a_stored_query_is_fetched_too(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"])
    assert driven.do("select", "skin", Query(id="q")).query_image == b"bytes of q"
    assert images_asked_for(server) == ["a", "q"]


def test_a_query_by_vector_has_no_image(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"])
    assert driven.do("select", "skin", Query(vector=[1.0], fingerprint="f")).query_image is None


@pytest.mark.parametrize("head", ["data:image/png;base64,", ""])
def test_the_image_of_a_wire_query_is_known_from_its_base64(driven: Driven, server: ScriptedServer, head: str) -> None:
    server.respond = PoolOfPictures([])
    query = Query(image=head + base64.b64encode(PNG).decode())
    assert driven.do("select", "skin", query).query_image == PNG


def test_without_images_nothing_is_fetched_and_asking_for_one_says_so(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"])
    selection = driven.do("select", "skin", PNG, images=False)
    assert images_asked_for(server) == []
    with pytest.raises(PromptInvalidError, match="no image of 'a'"):
        selection.image("a")


def test_a_batch_fetches_each_image_once_and_keeps_failures_in_their_place(
    driven: Driven, server: ScriptedServer
) -> None:
    server.respond = PoolOfPictures(["a", "b"], None, ["b", "c"])
    first, second, third = driven.do("select_batch", "skin", [PNG, b"broken", Query(id="c")], k=2)
    assert isinstance(second, SelectionFailure)
    assert second.error["code"] == "image_unreadable"
    assert (first.image("b"), third.image("b")) == (b"bytes of b", b"bytes of b")
    assert (first.query_image, third.query_image) == (PNG, b"bytes of c")
    assert images_asked_for(server) == ["a", "b", "c"]
    assert server.received[0].json["k"] == 2


def test_a_batch_without_images_fetches_none(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"], None)
    first, second = driven.do("select_batch", "skin", [PNG, PNG], images=False)
    assert isinstance(first, Selection)
    assert isinstance(second, SelectionFailure)
    assert len(server.received) == 1


def test_a_large_batch_is_split_and_answered_as_one(driven: Driven, server: ScriptedServer) -> None:
    def respond(request: Received) -> Answer:
        count = len(request.json["queries"])
        return as_json({"selections": [answered.selection([])] * count, "failed": 0})

    server.respond = respond
    assert len(driven.do("select_batch", "skin", (Query(id=str(i)) for i in range(300)), images=False)) == 300
    assert [len(request.json["queries"]) for request in server.received] == [256, 44]


def test_a_batch_answered_with_too_few_selections_is_told(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"])
    with pytest.raises(UnexpectedResponseError, match="1 of 2"):
        driven.do("select_batch", "skin", [PNG, PNG])


def test_an_image_deleted_between_selection_and_fetch_is_an_error_by_name(
    driven: Driven, server: ScriptedServer
) -> None:
    pictures = PoolOfPictures([str(i) for i in range(20)])
    gone: Any = as_problem({"code": "demonstration_not_found", "detail": "gone"}, 404)
    server.respond = lambda request: gone if request.path.endswith("/images/3") else pictures(request)
    with pytest.raises(DemonstrationNotFoundError, match="gone"):
        driven.do("select", "skin", PNG)


def test_the_images_are_neither_shown_nor_serialised(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"])
    selection = driven.do("select", "skin", PNG)
    assert "bytes of" not in repr(selection)
    assert "bytes of" not in selection.model_dump_json()
