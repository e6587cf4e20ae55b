"""Each step against its formula, number by number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from encoders.calibration.products import rowwise_product
from encoders.calibration.steps import Affine, Centring, Normalise, Power, read_step
from tests.encoders.calibration.chains import DOMAINS, NAMES

SEEDS = st.integers(0, 999)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_affine_is_its_formula(seed: int, n: int, inner: int, outer: int, relu: bool) -> None:
    rows = draw(seed, n, inner)
    step = Affine(draw(seed, inner, outer).astype(np.float32), draw(seed, outer).astype(np.float32), relu)
    mapped = step.apply(rows, [None] * n)
    assert step.dim(inner) == outer
    for row, got in zip(rows, mapped, strict=True):
        for column in range(outer):
            expected = math.fsum(float(x) * float(w) for x, w in zip(row, step.weight[:, column], strict=True))
            expected += float(step.bias[column])
            assert got[column] == pytest.approx(max(0.0, expected) if relu else expected, abs=1e-12)


@settings(deadline=None)
@given(SEEDS, st.lists(DOMAINS, max_size=8), st.integers(1, 3), st.integers(1, 5))
def test_centring_takes_away_the_domain_s_centre_or_the_nearest(
    seed: int, domains: list[str | None], count: int, inner: int
) -> None:
    rows = draw(seed, len(domains), inner)
    step = Centring(NAMES[-count:], draw(seed + 1, count, inner).astype(np.float32))
    assert step.dim(inner) == inner
    for row, domain, got in zip(rows, domains, step.apply(rows, domains), strict=True):
        if domain in step.names:
            place = step.names.index(domain)
        else:
            far = [math.dist(row, centre) for centre in step.centres.tolist()]
            near = sorted(far)
            assume(count == 1 or near[1] - near[0] > 1e-9)
            place = far.index(near[0])
        np.testing.assert_array_equal(got, row - step.centres[place].astype(np.float64))


def test_of_two_centres_equally_near_the_first_is_taken() -> None:
    step = Centring(("a", "b"), np.array([[1, 0], [-1, 0]], np.float32))
    assert step.apply(np.zeros((1, 2)), [None]).tolist() == [[-1, 0]]


@settings(deadline=None)
@given(SEEDS, st.sampled_from([0.3, 0.5, 1.0, 2.0]))
def test_power_is_its_formula_and_keeps_the_sign(seed: int, exponent: float) -> None:
    rows = np.concatenate([draw(seed, 3, 4), np.zeros((1, 4))])
    mapped = Power(exponent).apply(rows, [None] * 4)
    for got, x in zip(mapped.ravel(), rows.ravel(), strict=True):
        assert got == pytest.approx(math.copysign(abs(float(x)) ** exponent, float(x)), rel=1e-12)


@settings(deadline=None)
@given(SEEDS, st.integers(0, 4), st.integers(1, 3), st.integers(1, 3))
def test_normalise_gives_every_block_the_length_one(seed: int, n: int, blocks: int, width: int) -> None:
    rows = draw(seed, n, blocks * width)
    rows[: n // 2, :width] = 0
    mapped = Normalise(blocks).apply(rows, [None] * n)
    assert mapped.shape == rows.shape
    for row, got in zip(rows.reshape(-1, width), mapped.reshape(-1, width), strict=True):
        length = math.hypot(*row.tolist())
        expected = [x / length for x in row.tolist()] if length else [0.0] * width
        assert got.tolist() == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 4), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from(["a", "new", "zz"]))
def test_knowing_mixes_the_mean_of_the_unlabelled_with_their_nearest_centres(
    seed: int, n: int, trust: float, name: str
) -> None:
    step = Centring(("a", "m"), draw(seed, 2, 3).astype(np.float32), trust)
    rows = draw(seed + 1, n, 3)
    known = step.knowing(name, rows)
    assert known.names == tuple(sorted({"a", "m", name}))
    assert known.trust == trust
    assert known.dim(3) == 3
    nearest = [min(step.centres.tolist(), key=lambda centre, row=row: math.dist(row, centre)) for row in rows]
    expected = trust * rows.mean(axis=0) + (1 - trust) * np.mean(nearest, axis=0)
    np.testing.assert_allclose(known.centres[known.names.index(name)], expected, atol=1e-6)
    for other in {"a", "m"} - {name}:
        np.testing.assert_array_equal(known.centres[known.names.index(other)], step.centres[step.names.index(other)])


def test_of_no_image_no_centre_is_known() -> None:
    with pytest.raises(ValueError, match="of no image"):
        Centring(("a",), np.zeros((1, 3), np.float32)).knowing("b", np.zeros((0, 3)))


@settings(deadline=None)
@given(SEEDS, st.integers(0, 9), st.integers(1, 40), st.integers(1, 40))
def test_a_rowwise_product_is_the_product_and_each_row_is_itself_alone(
    seed: int, n: int, inner: int, outer: int
) -> None:
    rows, matrix = draw(seed, n, inner), draw(seed + 1, inner, outer)
    product = rowwise_product(rows, matrix)
    np.testing.assert_allclose(product, rows @ matrix, atol=1e-11)
    for number in range(n):
        np.testing.assert_array_equal(rowwise_product(rows[number : number + 1], matrix)[0], product[number])
    np.testing.assert_array_equal(rowwise_product(np.asfortranarray(rows), np.asfortranarray(matrix)), product)


def test_a_rowwise_product_of_the_size_of_a_trunk_is_each_row_alone() -> None:
    rows, matrix = draw(0, 64, 1280), draw(1, 1280, 96)
    product = rowwise_product(rows, matrix)
    for number in range(64):
        np.testing.assert_array_equal(rowwise_product(rows[number : number + 1], matrix)[0], product[number])


WEIGHT, BIAS, CENTRES = np.ones((3, 2), np.float32), np.ones(2, np.float32), np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    "step",
    [
        Affine(WEIGHT.T, BIAS),
        Affine(WEIGHT, BIAS[:1]),
        Affine(WEIGHT[0], BIAS),
        Centring(("a",), CENTRES),
        Centring((), CENTRES[:0]),
        Centring(("b", "a"), CENTRES),
        Centring(("a", "a"), CENTRES),
        Centring(("a", "b"), CENTRES[:, :2]),
        Centring(("a", "b"), CENTRES, 1.5),
        Centring(("a", "b"), CENTRES, math.nan),
        Power(0.0),
        Power(math.nan),
        Power(math.inf),
        Normalise(2),
        Normalise(0),
    ],
)
def test_a_step_that_does_not_fit_or_makes_no_sense_says_so(step: Any) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        step.dim(3)


@pytest.mark.parametrize(
    ("kind", "settings", "arrays"),
    [
        ("warp", {}, {}),
        ("affine", {}, {"weight": WEIGHT, "bias": BIAS}),
        ("affine", {"relu": "false"}, {"weight": WEIGHT, "bias": BIAS}),
        ("affine", {"relu": 1}, {"weight": WEIGHT, "bias": BIAS}),
        ("affine", {"relu": True}, {"weight": WEIGHT}),
        ("affine", {"relu": True}, {"weight": WEIGHT * np.float32(np.nan), "bias": BIAS}),
        ("affine", {"relu": True}, {"weight": WEIGHT, "bias": BIAS * np.float32(np.inf)}),
        ("centring", {"names": "ab", "trust": 1.0}, {"centres": CENTRES}),
        ("centring", {"names": ["a", 3], "trust": 1.0}, {"centres": CENTRES}),
        ("centring", {"names": ["a", "b"], "trust": 1}, {"centres": CENTRES}),
        ("centring", {"names": ["a", "b"]}, {"centres": CENTRES}),
        ("centring", {"names": ["a", "b"], "trust": 1.0}, {}),
        ("power", {"exponent": "0.5"}, {}),
        ("power", {}, {}),
        ("normalise", {"blocks": 1.0}, {}),
        ("normalise", {"blocks": True}, {}),
        ("normalise", {}, {}),
    ],
)
def test_what_describes_no_step_is_refused(kind: str, settings: Mapping[str, Any], arrays: dict) -> None:
    with pytest.raises(ValueError, match=kind if kind == "warp" else r"."):
        read_step(kind, settings, arrays)
