"""Demonstrations written into an adapted pool get a vector of each live encoder version, whatever door they come by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from encoders.decode import decode
from index.pool import Pool
from invariantselect.errors import ImageUnreadableError
from service.embedding.embedder import Embedded, Embedder, embed_by_each
from service.embedding.embedding_cache import EmbeddingCache
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.conftest import Serve, fill
from tests.service.live_versions import ENCODERS, LIMITS, adapt, calibration, check, load
from tests.service.pictures import data_uri, png


class Counting(PixelEncoder):
    """Counts the pictures that go through it."""

    passed = 0

    def forward(self, batch: np.ndarray) -> np.ndarray:
        self.passed += len(batch)
        return super().forward(batch)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    """A client of an app with the pool ``p``."""
    return fill(serve(load=load))


def pool_of(client: TestClient) -> Pool:
    opened: Pool = client.app.state.services.pools.open("p")  # type: ignore[attr-defined]
    return opened


def upsert(client: TestClient, *sent: dict[str, Any]) -> list[str]:
    answer = client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent})
    assert answer.status_code == 200, answer.text
    return [each["status"] for each in answer.json()["outcomes"]]


@pytest.mark.parametrize("serving", [2, 3])
def test_an_upsert_encodes_by_each_live_version(client: TestClient, serving: int) -> None:
    pool = pool_of(client)
    adapt(pool, serving)
    check(pool)
    new = {"id": "new", "image": data_uri(100), "label": "l0", "domain": "d1"}
    broken = {"id": "broken", "image": "data:image/png;base64,aGFsbG8=", "label": "l0"}
    assert upsert(client, new, broken) == ["created", "failed"]
    assert upsert(client, {**new, "domain": "d0"}) == ["updated"]
    assert upsert(client, {**new, "image": data_uri(101)}) == ["replaced"]
    check(pool)


@pytest.mark.parametrize("serving", [2, 3])
def test_a_changed_domain_is_a_changed_vector(client: TestClient, serving: int) -> None:
    pool = pool_of(client)
    adapt(pool, serving)
    path = "/v1/pools/p/demonstrations/d0/l0/0.png"
    before = pool.snapshots().adapted
    assert client.patch(path, json={"domain": "d1", "label": "l3"}).json()["domain"] == "d1"
    assert client.patch(path, json={"domain": None}).json()["domain"] is None
    assert client.patch(path, json={"group": "g9"}).status_code == 200
    relabel = client.post("/v1/pools/p/demonstrations:relabel", json={"labels": {"d0/l0/0.png": "l1"}})
    assert relabel.json()["outcomes"][0]["status"] == "updated"
    check(pool)
    assert before is not None
    assert before.demonstration(before.position_of("d0/l0/0.png") or 0).domain == "d0"


def test_an_upsert_goes_on_when_the_encoder_is_switched_meanwhile(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(client)
    adapt(pool, 3)
    switches = iter([2, 3, 2])
    real = type(pool).write

    def overtaken(self: Pool, entries: Any) -> Any:
        for number in switches:
            adapt(pool, number)
            break
        return real(self, entries)

    monkeypatch.setattr(type(pool), "write", overtaken)
    assert upsert(client, {"id": "new", "image": data_uri(100), "label": "l0"}) == ["created"]
    check(pool)


def test_an_encoder_that_is_switched_again_and_again_is_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(client)
    adapt(pool, 3)
    real = type(pool).write

    def overtaken(self: Pool, entries: Any) -> Any:
        serving = pool.serving()
        adapt(pool, 2 if serving is not None and serving.number == 3 else 3)
        return real(self, entries)

    monkeypatch.setattr(type(pool), "write", overtaken)
    sent = {"demonstrations": [{"id": "new", "image": data_uri(100), "label": "l0"}]}
    answer = client.post("/v1/pools/p/demonstrations:upsert", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (409, "encoder_version_changed")
    check(pool)


def test_encoders_with_one_trunk_share_its_pass_and_its_cache() -> None:
    metrics = Metrics()
    cache = EmbeddingCache(1 << 20, None, metrics)
    first, second = Counting(), Counting(calibration=calibration(2))
    other = Counting(seed=3, calibration=calibration(3))
    embedders = [Embedder(each, LIMITS, cache=cache, metrics=metrics) for each in (first, second, other)]
    images, domains = [png(1), b"no image", png(2)], ["d0", None, "d1"]
    made = embed_by_each(embedders, images, domains)
    assert isinstance(made[1], Exception)
    assert [first.passed + second.passed, other.passed] == [2, 2]
    for number in (0, 2):
        by_each = made[number]
        assert isinstance(by_each, dict)
        for encoder in (first, second, other):
            wanted = encoder.encode([decode(images[number])], [domains[number]])[0]
            np.testing.assert_allclose(by_each[encoder.identity.fingerprint].vector, wanted, atol=1e-6)
    passed = first.passed + second.passed + other.passed
    (again,) = embedders[1].embed([png(2)], ["d1"])
    assert isinstance(again, Embedded)
    np.testing.assert_array_equal(again.vector, made[2][second.identity.fingerprint].vector)  # type: ignore[index]
    assert again.decode_ms == again.encode_ms == 0.0
    assert first.passed + second.passed + other.passed == passed


def test_a_broken_image_fails_alone_without_a_cache() -> None:
    made = embed_by_each([Embedder(each, LIMITS) for each in ENCODERS.values()], [b"", png(1)])
    assert isinstance(made[0], ImageUnreadableError)
    assert isinstance(made[1], dict)
    assert set(made[1]) == {each.identity.fingerprint for each in ENCODERS.values()}
