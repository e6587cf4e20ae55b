"""The client and the service that it was written for, over a real socket."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from invariantselect import (
    Client,
    Diversity,
    Exclusions,
    ImageQuery,
    NewDemonstration,
    Query,
    Selection,
    SelectionFailure,
)
from invariantselect.errors import (
    DemonstrationNotFoundError,
    EncoderNotFoundError,
    FingerprintMismatchError,
    InvalidCursorError,
    InvalidFilterError,
    PoolExistsError,
    PoolNotFoundError,
    RouteNotFoundError,
    UnauthenticatedError,
)
from tests.client.driven import Driven, Kind
from tests.client.live_service import ENCODER, live_service

AWKWARD_IDS = ["a/../b.png", "..", "/rooted", "a//b", "a%2Fb", "50%.png?x#y", "ü ✓;:@&=+$,\\'\"", "x" * 512]


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9, 11, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def new(seed: int, **fields: Any) -> NewDemonstration:
    given: dict[str, Any] = {"id": f"{seed:02}", "image": png(seed), "label": "ab"[seed % 2], "group": f"g{seed % 5}"}
    return NewDemonstration(**{**given, "domain": "xyz"[seed % 3], "metadata": {"seed": seed}, **fields})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with live_service(tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture
def live(address: str, kind: Kind) -> Iterator[Driven]:
    driven = Driven(kind, address)
    yield driven
    for pool in driven.do("pools"):
        driven.do("drop_pool", pool.name)
    driven.close()


@pytest.fixture
def pool(live: Driven) -> str:
    live.do("create_pool", "p")
    assert live.do("upsert", "p", (new(i) for i in range(20)), batch_size=7).failed == 0
    return "p"


def test_pools_are_made_listed_and_dropped(live: Driven) -> None:
    made = live.do("create_pool", "b")
    live.do("create_pool", "a", encoder=ENCODER)
    assert (made.encoder, made.dim, made.demonstrations) == (ENCODER, 16, 0)
    assert [each.name for each in live.do("pools")] == ["a", "b"]
    with pytest.raises(PoolExistsError):
        live.do("create_pool", "a")
    live.do("drop_pool", "a")
    with pytest.raises(PoolNotFoundError, match="'a'"):
        live.do("pool", "a")
    with pytest.raises(EncoderNotFoundError):
        live.do("create_pool", "c", encoder="no-such-encoder")


def test_a_pool_shows_what_was_put_in(live: Driven, pool: str) -> None:
    info = live.do("pool", pool)
    assert (info.demonstrations, info.labels, info.domains) == (20, ["a", "b"], ["x", "y", "z"])
    assert info.snapshot > 0


def test_upserts_say_what_became_of_each_demonstration(live: Driven, pool: str) -> None:
    changed = [new(0), new(1, label="c"), new(2, image=png(99)), new(50), new(3, image=b"not an image")]
    answer = live.do("upsert", pool, changed)
    statuses = [outcome.status for outcome in answer.outcomes]
    assert statuses == ["unchanged", "updated", "replaced", "created", "failed"]
    assert answer.outcomes[-1].error["code"] == "image_format_unsupported"
    assert answer.failed == 1
    assert answer.snapshot == live.do("pool", pool).snapshot


def test_demonstrations_are_paged_fetched_changed_and_deleted(live: Driven, pool: str) -> None:
    assert [each.id for each in live.do("iterate", pool, page_size=6)] == [f"{i:02}" for i in range(20)]
    one = live.do("get", pool, "07")
    assert (one.label, one.domain, one.group, one.metadata) == ("b", "y", "g2", {"seed": 7})
    assert (one.width, one.height, one.media_type) == (11, 9, "image/png")
    assert one.image_sha256 == hashlib.sha256(png(7)).hexdigest()
    found = live.do("get_many", pool, ["03", "nobody", "01"])
    assert ([each.id for each in found.demonstrations], found.missing) == (["03", "01"], ["nobody"])

    patched = live.do("patch", pool, "07", domain=None, metadata={"age": 54})
    assert (patched.label, patched.domain, patched.metadata) == ("b", None, {"age": 54})
    relabelled = live.do("relabel", pool, {"07": "c", "nobody": "c"})
    assert [outcome.status for outcome in relabelled.outcomes] == ["updated", "failed"]
    assert live.do("get", pool, "07").label == "c"

    deleted = live.do("delete", pool, ["07", "nobody"])
    assert [outcome.status for outcome in deleted.outcomes] == ["deleted", "failed"]
    with pytest.raises(DemonstrationNotFoundError):
        live.do("get", pool, "07")
    with pytest.raises(DemonstrationNotFoundError):
        live.do("image", pool, "07")


def test_ids_that_look_like_paths_are_only_ids(live: Driven) -> None:
    live.do("create_pool", "p")
    live.do("upsert", "p", [new(i, id=id) for i, id in enumerate(AWKWARD_IDS)])
    assert [live.do("get", "p", id).id for id in AWKWARD_IDS] == AWKWARD_IDS
    assert [live.do("image", "p", id) for id in AWKWARD_IDS] == [png(i) for i in range(len(AWKWARD_IDS))]
    selection = live.do("select", "p", png(3), k=len(AWKWARD_IDS), exclude=Exclusions(ids=["/rooted"]))
    assert {chosen.id for chosen in selection.demonstrations} == {*AWKWARD_IDS} - {"a//b", "/rooted"}


def test_a_selection_obeys_its_options_and_brings_its_images(live: Driven, pool: str) -> None:
    selection: Selection = live.do(
        "select",
        pool,
        ImageQuery(png(4), group="g4"),
        k=4,
        where={"domain": {"in": ["x", "y"]}},
        label_balance="even",
        max_per_group=1,
        diversity=Diversity(method="mmr", lambda_=0.5),
        exclude=Exclusions(own_group=True),
    )
    chosen = [int(each.id) for each in selection.demonstrations]
    assert len(chosen) == 4
    assert sorted(each.label for each in selection.demonstrations) == ["a", "a", "b", "b"]
    assert len({each.group for each in selection.demonstrations} - {"g4"}) == 4
    assert {each.domain for each in selection.demonstrations} <= {"x", "y"}
    assert [selection.image(each.id) for each in selection.demonstrations] == [png(seed) for seed in chosen]
    assert selection.query_image == png(4)
    assert (selection.shortfall, selection.encoder) == (0, ENCODER)


def test_image_id_and_vector_of_one_picture_select_the_same(live: Driven, pool: str) -> None:
    embedded = live.do("embed", [png(30), png(5)])
    vector = embedded.data[1].embedding
    assert sum(number**2 for number in vector) == pytest.approx(1.0, abs=1e-5)
    by_vector = live.do(
        "select", pool, Query(vector=vector, fingerprint=embedded.fingerprint), exclude=Exclusions(ids=["05"])
    )
    answers = [live.do("select", pool, png(5)), live.do("select", pool, Query(id="05")), by_vector]
    ids = [[chosen.id for chosen in answer.demonstrations] for answer in answers]
    assert ids[0] == ids[1] == ids[2]
    assert [answer.query_image for answer in answers] == [png(5), png(5), None]


def test_a_batch_answers_each_query_as_alone(live: Driven, pool: str) -> None:
    queries = [png(40), Query(id="nobody"), Query(id="03")]
    first, second, third = live.do("select_batch", pool, queries, k=3)
    assert isinstance(second, SelectionFailure)
    assert second.error["code"] == "demonstration_not_found"
    alone = [live.do("select", pool, query, k=3) for query in (queries[0], queries[2])]
    assert [first.demonstrations, third.demonstrations] == [each.demonstrations for each in alone]


def test_what_the_service_refuses_arrives_as_its_class(live: Driven, pool: str, kind: Kind, address: str) -> None:
    with pytest.raises(InvalidFilterError, match="colour"):
        live.do("select", pool, png(1), where={"colour": "red"})
    with pytest.raises(FingerprintMismatchError):
        live.do("select", pool, Query(vector=[1.0] * 16, fingerprint="0" * 64))
    with pytest.raises(InvalidCursorError) as caught:
        live.do("page", pool, cursor="made up")
    assert caught.value.context["request_id"]
    elsewhere = Driven(kind, f"{address}/elsewhere")
    with pytest.raises(RouteNotFoundError):
        elsewhere.do("pools")
    elsewhere.close()


def test_encoders_and_readiness_are_told(live: Driven) -> None:
    live.do("create_pool", "p")
    [encoder] = live.do("encoders")
    assert (encoder.name, encoder.dim, encoder.loaded) == (ENCODER, 16, True)
    assert live.do("ready") is True


def test_a_service_with_keys_asks_for_one(tmp_path: Path) -> None:
    with live_service(tmp_path, auth="on") as url, Client(url, api_key="isk_nobody_nothing") as client:
        with pytest.raises(UnauthenticatedError) as caught:
            client.pools()
        assert "isk_nobody_nothing" not in repr(caught.value.to_problem())
