"""`invariant_select` and comparisons from the SDK, against the real service over a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from index.pools import Pools
from invariantselect import Comparison, ImageQuery, Query, Selection, SelectionFailure
from invariantselect.errors import FingerprintMismatchError, PoolNotAdaptedError
from tests.client.driven import Driven, Kind
from tests.client.live_service import DOMAINS, live_service
from tests.client.test_against_the_service import new, png
from tests.service.adapted_pool import adapt_pool, adapted_encoder

BOTH = ["topk_nearest", "invariant_select"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with the pools ``plain`` and ``adapted`` of the same 30 demonstrations."""
    data = tmp_path_factory.mktemp("service")
    with live_service(data) as url:
        filler = Driven("sync", url)
        for name in ("plain", "adapted"):
            filler.do("create_pool", name)
            filler.do("upsert", name, [new(seed) for seed in range(30)])
        filler.close()
        with Pools(data) as pools:  # as another process would
            adapt_pool(pools.open("adapted"), adapted_encoder(2, DOMAINS))
        yield url


@pytest.fixture
def live(address: str, kind: Kind) -> Iterator[Driven]:
    driven = Driven(kind, address)
    yield driven
    driven.close()


def test_a_comparison_holds_what_is_selected_alone(live: Driven) -> None:
    query = ImageQuery(png(77), domain="y")
    comparison: Comparison = live.do("compare", "adapted", query, k=5)
    assert list(comparison.selections) == BOTH
    for strategy, compared in comparison.selections.items():
        alone: Selection = live.do("select", "adapted", query, k=5, strategy=strategy)
        assert compared.model_copy(update={"timings": alone.timings}) == alone
        assert compared.to_openai("Which?") == alone.to_openai("Which?")
    assert [each.encoder_version for each in comparison.selections.values()] == [1, 2]
    stored = live.do("compare", "adapted", Query(id="03"), strategies=["random", "invariant_select"], k=5)
    assert stored["random"].query_image == stored["invariant_select"].query_image == png(3)


@pytest.mark.parametrize("method", ["select", "select_batch", "compare"])
def test_before_the_pool_is_adapted_the_error_tells_the_way(live: Driven, method: str) -> None:
    query = [png(77)] if method == "select_batch" else png(77)
    options = {} if method == "compare" else {"strategy": "invariant_select"}
    with pytest.raises(PoolNotAdaptedError) as caught:
        live.do(method, "plain", query, **options)
    assert "invariantselect adapt --pool plain" in caught.value.hint
    assert caught.value.context["pool"] == "plain"


def test_a_vector_of_the_frozen_encoder_is_not_one_of_the_adapted(live: Driven) -> None:
    embedded = live.do("embed", png(77))
    query = Query(vector=embedded.data[0].embedding, fingerprint=embedded.fingerprint)
    assert live.do("select", "adapted", query, k=3).encoder_version == 1
    with pytest.raises(FingerprintMismatchError):
        live.do("select", "adapted", query, k=3, strategy="invariant_select")


def test_a_batch_can_be_centred_and_its_broken_queries_fail_alone(live: Driven) -> None:
    queries = [ImageQuery(png(seed), domain="new") for seed in range(50, 58)]
    options = {"strategy": "invariant_select", "k": 3, "images": False}
    *centred, broken = live.do(
        "select_batch", "adapted", [*queries, Query(id="nobody")], centre_queries="by_domain", **options
    )
    assert isinstance(broken, SelectionFailure)
    assert {each.centred_by for each in centred} == {8}
    plain = live.do("select_batch", "adapted", queries, **options)
    assert {each.centred_by for each in plain} == {None}
    assert [each.demonstrations for each in plain] != [each.demonstrations for each in centred]


def test_a_pool_tells_its_encoder_versions(live: Driven) -> None:
    plain, adapted = live.do("pool", "plain"), live.do("pool", "adapted")
    assert (plain.serving_version, [each.state for each in plain.encoder_versions]) == (None, ["frozen"])
    assert (adapted.serving_version, [each.number for each in adapted.encoder_versions]) == (2, [1, 2])
    assert adapted.encoder_versions[0].fingerprint == adapted.fingerprint
    assert adapted.encoder_versions[1].looks_at_domains
