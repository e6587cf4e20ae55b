"""Encoders that differ only behind the trunk share its forward pass, and each image gets its own domain's vector."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Centring
from encoders.decode import DecodeLimits, decode
from invariantselect.errors import InvariantSelectError
from service.embedding.embedder import Embedded, Embedder
from service.embedding.embedding_cache import EmbeddingCache
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.embedding.test_embedding_cache import Counting
from tests.service.pictures import png

CENTRES = np.random.default_rng(3).standard_normal((2, 16)).astype(np.float32)
ADAPTED = Calibration((Centring(("a", "b"), CENTRES), Affine(np.eye(16, 5, dtype=np.float32), np.zeros(5, np.float32))))


def trunks_of(*numbers: int) -> np.ndarray:
    return PixelEncoder().encode([decode(png(number)) for number in numbers])


def stacked(results: list[Embedded | InvariantSelectError], field: str = "vector") -> np.ndarray:
    assert all(isinstance(each, Embedded) for each in results)
    return np.stack([getattr(each, field) for each in results])


def adapted(**options: object) -> tuple[Embedder, Counting]:
    encoder = Counting(calibration=ADAPTED)
    return Embedder(encoder, DecodeLimits(), **options), encoder


def test_a_vector_is_calibrated_with_its_image_s_domain() -> None:
    embedder, _ = adapted()
    numbers = [number % 5 for number in range(70)]
    domains = [["a", "b", None, "elsewhere"][number % 4] for number in range(70)]
    results = embedder.embed([png(number) for number in numbers], domains)
    np.testing.assert_array_equal(stacked(results, "trunk"), trunks_of(*numbers))
    np.testing.assert_array_equal(stacked(results), ADAPTED.apply(trunks_of(*numbers), domains))
    np.testing.assert_array_equal(stacked(embedder.embed([png(1)])), ADAPTED.apply(trunks_of(1)))


def test_a_frozen_encoder_s_vector_is_its_trunk_s() -> None:
    results = Embedder(Counting(), DecodeLimits()).embed([png(1), png(2)], ["a", None])
    np.testing.assert_array_equal(stacked(results), stacked(results, "trunk"))


def test_encoders_on_one_trunk_share_the_cache() -> None:
    cache = EmbeddingCache(100_000, None, Metrics())
    frozen, other_space = Counting(), Counting(seed=1)
    first = Embedder(frozen, DecodeLimits(), cache=cache).embed([png(1), png(2)])
    embedder, encoder = adapted(cache=cache)
    second = embedder.embed([png(2), png(1), png(3)], ["a", "b", None])
    assert (frozen.pictures, encoder.pictures) == (2, 1)
    np.testing.assert_array_equal(stacked(second)[:2], ADAPTED.apply(stacked(first)[::-1].copy(), ["a", "b"]))
    assert [each.encode_ms == 0 for each in second] == [True, True, False]
    Embedder(other_space, DecodeLimits(), cache=cache).embed([png(1)])
    assert other_space.pictures == 1


def test_another_domain_of_a_known_image_needs_no_forward_pass() -> None:
    embedder, encoder = adapted(cache=EmbeddingCache(100_000, None, Metrics()))
    one, other = (stacked(embedder.embed([png(1)], [domain])) for domain in ("a", "b"))
    assert encoder.pictures == 1
    assert not np.array_equal(one, other)


def test_without_a_cache_results_carry_over_to_an_encoder_on_the_same_trunk() -> None:
    frozen = Embedder(Counting(), DecodeLimits()).embed([png(1), b"broken", png(2)])
    embedder, encoder = adapted()
    carried = embedder.calibrated(frozen, ["a", "a", "b"])
    assert encoder.pictures == 0
    assert carried[1] is frozen[1]
    np.testing.assert_array_equal(stacked([carried[0], carried[2]]), ADAPTED.apply(trunks_of(1, 2), ["a", "b"]))
    np.testing.assert_array_equal(stacked([frozen[0], frozen[2]]), trunks_of(1, 2))


def test_an_image_without_a_direction_behind_the_trunk_fails_alone() -> None:
    """A domain of one image has that image's vector for its centre."""
    calibration = Calibration((Centring(("a", "lonely"), np.stack([CENTRES[0], trunks_of(2)[0]])),))
    embedder = Embedder(PixelEncoder(calibration=calibration), DecodeLimits())
    results = embedder.embed([png(1), png(2), png(3)], ["a", "lonely", "a"])
    assert [isinstance(each, Embedded) for each in results] == [True, False, True]
    np.testing.assert_array_equal(results[2].vector, calibration.apply(trunks_of(3), ["a"])[0])


def test_no_image_and_too_few_domains() -> None:
    embedder, _ = adapted()
    assert embedder.embed([]) == []
    with pytest.raises(ValueError, match="shorter"):
        embedder.embed([png(1), png(2)], ["a"])
