"""Several strategies for one query: one request, one set of images, and a selection each that makes its prompt."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from invariantselect import Comparison, ImageQuery, Query, Selection
from invariantselect.errors import InvalidRequestError, UnexpectedResponseError
from tests.client import answered
from tests.client.answered import PNG
from tests.client.driven import Driven
from tests.client.scripted_server import Answer, Received, Reply, ScriptedServer, as_json


def picture(id: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (sum(id.encode()) % 256, 0, 0)).save(file, "PNG")
    return file.getvalue()


def pool_of_pictures(**chosen: list[str]) -> Any:
    def respond(request: Received) -> Answer:
        _, _, id = request.path.partition("/images/")
        if id:
            return Reply(200, picture(id), {"Content-Type": "image/png"})
        return as_json(answered.comparison(chosen))

    return respond


def test_a_comparison_is_one_request_and_each_image_is_fetched_once(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool_of_pictures(invariant_select=["b", "c"], topk_nearest=["a", "b"])
    comparison: Comparison = driven.do("compare", "skin", PNG, k=2)
    assert list(comparison.selections) == ["topk_nearest", "invariant_select"]  # as asked, whatever the server's order
    first, second = comparison["topk_nearest"], comparison["invariant_select"]
    assert (type(first), type(second)) == (Selection, Selection)
    assert (first.image("b"), second.image("c")) == (picture("b"), picture("c"))
    assert first.query_image == second.query_image == PNG
    asked, *images = server.received
    assert (asked.method, asked.path) == ("POST", "/v1/pools/skin/select")
    assert {name: asked.json[name] for name in ("k", "strategies")} == {
        "k": 2,
        "strategies": ["topk_nearest", "invariant_select"],
    }
    assert "strategy" not in asked.json
    assert sorted(each.path.partition("/images/")[2] for each in images) == ["a", "b", "c"]


def test_each_selection_makes_the_prompt_that_it_would_make_alone(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool_of_pictures(topk_nearest=["a", "b"])
    compared = driven.do("compare", "skin", Query(id="q"), strategies=["topk_nearest"])["topk_nearest"]
    alone = Selection.from_wire(compared, images={id: compared.image(id) for id in "ab"}, query_image=picture("q"))
    assert compared.to_openai("Which?") == alone.to_openai("Which?")


def test_without_images_none_is_fetched(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool_of_pictures(random=["a"], topk_nearest=["b"])
    driven.do("compare", "skin", PNG, strategies=("random", "topk_nearest"), images=False)
    assert len(server.received) == 1


def test_the_images_of_a_comparison_are_neither_shown_nor_serialised(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool_of_pictures(topk_nearest=["a"], invariant_select=["a"])
    comparison = driven.do("compare", "skin", PNG)
    assert str(picture("a"))[2:40] not in repr(comparison)
    assert json.loads(comparison.model_dump_json())["selections"]["invariant_select"]["strategy"] == "invariant_select"


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategies": []},
        {"strategies": ["best"]},
        {"strategies": ["random", "random"]},
        {"strategies": ["random"], "strategy": "random"},
        {"strategies": ["random", "topk_nearest"], "diversity": {"method": "mmr"}},
    ],
)
def test_a_comparison_that_makes_no_sense_is_not_sent(
    driven: Driven, server: ScriptedServer, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError):
        driven.do("compare", "skin", PNG, **wrong)
    assert server.received == []


def test_a_server_that_leaves_a_strategy_out_is_told(driven: Driven, server: ScriptedServer) -> None:
    server.respond = pool_of_pictures(topk_nearest=["a"])
    with pytest.raises(UnexpectedResponseError, match="topk_nearest"):
        driven.do("compare", "skin", PNG)


def test_centring_is_asked_for_only_where_it_is_wanted(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _: as_json({"selections": [answered.selection(["a"], centred_by=9)], "failed": 0})
    query = ImageQuery(PNG, domain="elsewhere")
    options = {"images": False, "strategy": "invariant_select"}
    [centred] = driven.do("select_batch", "skin", [query], centre_queries="by_domain", **options)
    driven.do("select_batch", "skin", [query], **options)
    assert centred.centred_by == 9
    assert [each.json.get("centre_queries") for each in server.received] == ["by_domain", None]
    with pytest.raises(InvalidRequestError, match="invariant_select"):
        driven.do("select_batch", "skin", [query], centre_queries="by_domain", images=False)


def test_an_answer_of_an_older_server_is_of_the_frozen_encoder(driven: Driven, server: ScriptedServer) -> None:
    server.respond = lambda _: as_json(answered.selection(["a"]))
    assert driven.do("select", "skin", PNG, images=False).encoder_version == 1
    server.respond = lambda _: as_json(answered.pool())
    info = driven.do("pool", "skin")
    assert (info.encoder_versions, info.serving_version) == ([], None)


def test_select_takes_one_strategy(driven: Driven, server: ScriptedServer) -> None:
    with pytest.raises(InvalidRequestError, match="select takes one strategy") as caught:
        driven.do("select", "skin", PNG, strategies=["random", "topk_nearest"])
    assert "compare" in caught.value.hint
    assert server.received == []
