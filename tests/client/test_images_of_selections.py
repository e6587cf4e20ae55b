"""A selection brings the images that its prompt needs."""

from __future__ import annotations

import base64
import hashlib
import itertools
from pathlib import Path
from typing import Any

import pytest

from invariantselect import ImageQuery, Query, Selection, SelectionFailure
from invariantselect.errors import (
    DemonstrationNotFoundError,
    PayloadTooLargeError,
    PromptInvalidError,
    SelectionOutdatedError,
    UnexpectedResponseError,
)
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


class PoolWithUpserts:
    """Between a selection and its images demonstration ``a`` gets a new image, for the first `times` selections."""

    def __init__(self, times: int, *, gone: bool = False) -> None:
        self.left, self.version, self.gone = times, 0, gone

    def image(self, id: str) -> bytes:
        return f"{id} {self.version if id == 'a' else 0}".encode()

    def __call__(self, request: Received) -> Answer:
        _, _, id = request.path.partition("/images/")
        if id == "a" and self.gone and self.left:
            return as_problem({"code": "demonstration_not_found", "detail": "gone"}, 404)
        if id:
            return Reply(200, self.image(id), {"Content-Type": "image/png"})
        queries = request.json.get("queries", [request.json.get("query")])
        made = [answered.selection(["b"] if "id" in query else ["a", "b"]) for query in queries]
        for each in (each for selection in made for each in selection["demonstrations"]):
            each |= {"image_sha256": hashlib.sha256(self.image(each["id"])).hexdigest()}
            each |= {"label": f"label {self.version}"}
        if self.left:
            self.left, self.version = self.left - 1, self.version + 1
        if request.path.endswith(":batch"):
            return as_json({"selections": made, "failed": 0})
        strategies = request.json.get("strategies")
        if strategies:
            return as_json({"pool": "skin", "selections": {name: made[0] | {"strategy": name} for name in strategies}})
        return as_json(made[0])


def posts(server: ScriptedServer) -> list[Received]:
    return [request for request in server.received if request.method == "POST"]


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_an_image_that_was_replaced_or_deleted_meanwhile_is_chosen_anew(
    times: int, gone: bool, driven: Driven, server: ScriptedServer
) -> None:
    server.respond = PoolWithUpserts(times, gone=gone)
    selection = driven.do("select", "skin", PNG)
    version = selection.demonstrations[0].label.removeprefix("label ")
    assert selection.image("a") == f"a {version}".encode()
    assert len(posts(server)) == 1 + (times if gone else min(times, 1))


def test_it_isnt_tried_for_ever(driven: Driven, server: ScriptedServer) -> None:
    pool = PoolWithUpserts(0)
    numbers = itertools.count()

    def respond(request: Received) -> Answer:
        return Reply(200, f"{next(numbers)}".encode()) if request.path.endswith("/images/a") else pool(request)

    server.respond = respond
    with pytest.raises(SelectionOutdatedError, match="'a' has a new image"):
        driven.do("select", "skin", PNG)
    assert len(posts(server)) == 3


def test_of_a_batch_only_what_is_outdated_is_asked_for_again(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool = PoolWithUpserts(1)
    first, second = driven.do("select_batch", "skin", [Query(id="q"), PNG])
    assert [shown.label for shown in first.demonstrations] == ["label 0"]
    assert [shown.label for shown in second.demonstrations] == ["label 1"] * 2
    assert (second.image("a"), second.image("b")) == (pool.image("a"), pool.image("b"))
    assert [len(request.json["queries"]) for request in posts(server)] == [2, 1]
    assert images_asked_for(server) == ["a", "b", "q"]  # the new one was fetched already


def test_each_side_of_a_comparison_is_held_to_its_images(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool = PoolWithUpserts(1)
    compared = driven.do("compare", "skin", PNG, strategies=["topk_nearest", "random"])
    for selection in compared.selections.values():
        assert selection.image("a") == pool.image("a")
        assert selection.demonstrations[0].label == "label 1"


def test_what_is_centred_together_is_asked_for_again_together(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolWithUpserts(1)
    driven.do("select_batch", "skin", [Query(id="q"), PNG], centre_queries="by_domain", strategy="invariant_select")
    assert [len(request.json["queries"]) for request in posts(server)] == [2, 2]


def test_what_is_wrong_with_one_query_or_image_leaves_the_others_alone(
    driven: Driven, server: ScriptedServer, tmp_path: Path
) -> None:
    pictures = PoolOfPictures(["a"], ["lost", "a"], ["b"], ["b"])
    damaged = as_problem({"code": "store_corrupt", "detail": "the image of 'lost' is damaged"}, 500)
    gone = as_problem({"code": "demonstration_not_found", "detail": "there is no 'q'"}, 404)
    wrong = {"lost": damaged, "q": gone}
    server.respond = lambda request: wrong.get(request.path.partition("/images/")[2]) or pictures(request)
    queries = [PNG, tmp_path / "not there.png", ImageQuery(PNG), Query(id="q"), ImageQuery(PNG, domain=""), PNG]
    answers = driven.do("select_batch", "skin", queries)
    codes = [answer.error["code"] if isinstance(answer, SelectionFailure) else answer for answer in answers]
    assert codes[1:5] == ["image_not_found", "store_corrupt", "demonstration_not_found", "invalid_request"]
    assert codes[0].image("a") == b"bytes of a"
    assert codes[5].image("b") == b"bytes of b"
    assert len(posts(server)[0].json["queries"]) == 4


def test_a_batch_of_nothing_that_can_be_sent_sends_nothing(driven: Driven, server: ScriptedServer) -> None:
    [answer] = driven.do("select_batch", "skin", [b""], images=False)
    assert answer.error["code"] == "image_unreadable"
    assert server.received == []


def test_a_batch_is_halved_where_a_proxy_takes_less(driven: Driven, server: ScriptedServer) -> None:
    def respond(request: Received) -> Answer:
        if len(request.body) > 1000:
            return Reply(413, b"<html>too large</html>", {"Content-Type": "text/html"})
        return as_json({"selections": [answered.selection([])] * len(request.json["queries"]), "failed": 0})

    server.respond = respond
    queries = [b"GIF" * (1000 if number == 2 else 50) for number in range(7)]
    answers = driven.do("select_batch", "skin", queries, images=False)
    failed = [number for number, answer in enumerate(answers) if isinstance(answer, SelectionFailure)]
    assert (len(answers), failed) == (7, [2])
    assert answers[2].error["code"] == "payload_too_large"
    with pytest.raises(PayloadTooLargeError):  # halves would be centred by other means
        driven.do(
            "select_batch", "skin", queries, images=False, centre_queries="by_domain", strategy="invariant_select"
        )


def test_the_images_are_neither_shown_nor_serialised(driven: Driven, server: ScriptedServer) -> None:
    server.respond = PoolOfPictures(["a"])
    selection = driven.do("select", "skin", PNG)
    assert "bytes of" not in repr(selection)
    assert "bytes of" not in selection.model_dump_json()
