"""What holds of every chain: a vector is its own, files give it back, and everything that matters is hashed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import encoders.calibration.calibration
from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.calibration.steps import Affine, Centring, Normalise, Power
from invariantselect.errors import InternalError
from tests.encoders.calibration.chains import DOMAINS, chain, unit_vectors

DIM = 12
SEEDS = st.integers(0, 999)
BATCHES = st.tuples(SEEDS, st.lists(DOMAINS, max_size=9))


def applied(calibration: Calibration, vectors: np.ndarray, domains: list[str | None] | None) -> np.ndarray | None:
    """The result; None where a vector was left without a direction."""
    try:
        return calibration.apply(vectors, domains)
    except InternalError:
        return None


@settings(deadline=None)
@given(SEEDS, BATCHES)
def test_a_vector_is_the_same_alone_and_in_any_batch_bit_for_bit(
    chosen: int, batch: tuple[int, list[str | None]]
) -> None:
    calibration = chain(chosen, DIM)
    seed, domains = batch
    vectors = unit_vectors(seed, len(domains), DIM)
    together = applied(calibration, vectors, domains)
    alone = [applied(calibration, vectors[n : n + 1], domains[n : n + 1]) for n in range(len(domains))]
    if together is None:
        assert any(each is None for each in alone)
        return
    assert together.shape == (len(domains), calibration.dim(DIM))
    assert together.dtype == np.float32
    for one, row in zip(alone, together, strict=True):
        assert one is not None
        np.testing.assert_array_equal(one[0], row)
    np.testing.assert_array_equal(applied(calibration, np.asfortranarray(vectors), domains), together)
    np.testing.assert_array_equal(applied(calibration, vectors[::-1], domains[::-1]), together[::-1])
    np.testing.assert_allclose(np.linalg.norm(together.astype(np.float64), axis=1), 1, atol=1e-6)


def test_at_the_size_of_a_trunk_a_vector_is_the_same_alone_and_in_a_batch() -> None:
    draw = np.random.default_rng(0).standard_normal
    affine = Affine((draw((1280, 60)) / 36).astype(np.float32), draw(60).astype(np.float32))
    centring = Centring(("a", "b"), (0.01 * draw((2, 1280))).astype(np.float32))
    calibration = Calibration((Power(0.5), Normalise(), centring, affine, Normalise(3)))
    vectors = unit_vectors(1, 100, 1280)
    together = calibration.apply(vectors)
    for number, row in enumerate(together):
        np.testing.assert_array_equal(calibration.apply(vectors[number : number + 1])[0], row)


@settings(deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 9))
def test_part_by_part_the_vectors_are_the_same(chosen: int, seed: int, rows: int) -> None:
    calibration = chain(chosen, DIM)
    vectors, domains = unit_vectors(seed, 8, DIM), [None, "a"] * 4
    together = applied(calibration, vectors, domains)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders.calibration.calibration, "_ROWS_AT_ONCE", rows)
        parts = applied(calibration, vectors, domains)
    assert (parts is None) == (together is None)
    if together is not None:
        np.testing.assert_array_equal(parts, together)


def test_an_empty_chain_changes_nothing() -> None:
    vectors = unit_vectors(0, 3, DIM)
    assert IDENTITY.apply(vectors, ["a", None, "b"]) is vectors
    assert (IDENTITY.digest(), IDENTITY.dim(DIM), IDENTITY.domains) == (None, DIM, ())
    assert not IDENTITY.looks_at_domains


@settings(deadline=None)
@given(SEEDS, st.integers(0, 3))
def test_of_no_vectors_there_are_none(chosen: int, extra: int) -> None:
    calibration = chain(chosen, DIM)
    assert calibration.apply(np.zeros((0, DIM), np.float32), []).shape == (0, calibration.dim(DIM))
    with pytest.raises(ValueError, match="domains are given for"):
        calibration.apply(unit_vectors(0, 5, DIM), ["a"] * (1 if extra == 0 else 5 + extra))


@settings(deadline=None)
@given(SEEDS)
def test_no_domains_are_domains_that_are_not_known(chosen: int) -> None:
    calibration = chain(chosen, DIM)
    vectors = unit_vectors(3, 4, DIM)
    expected = applied(calibration, vectors, [None] * 4)
    got = applied(calibration, vectors, None)
    assert (got is None) == (expected is None)
    if got is not None and expected is not None:
        np.testing.assert_array_equal(got, expected)


def test_a_vector_left_without_a_direction_is_an_error() -> None:
    vectors = unit_vectors(0, 2, DIM)
    with pytest.raises(InternalError):
        Calibration((Centring(("a",), vectors[:1].copy()),)).apply(vectors)


# ── knowing ──────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 5))
def test_knowing_a_domain_leaves_the_vectors_of_known_domains_alone(chosen: int, seed: int, n: int) -> None:
    calibration = chain(chosen, DIM)
    unlabelled, vectors = unit_vectors(seed, n, DIM), unit_vectors(seed + 1, 3, DIM)
    known = calibration.knowing("new", unlabelled)
    known.dim(DIM)
    if calibration.domains:
        assert set(known.domains) == {*calibration.domains, "new"}
    shared = set.intersection(*(set(s.names) for s in calibration.steps if isinstance(s, Centring)), {"a", "b"})
    for domain in shared:
        before, after = (applied(each, vectors, [domain] * 3) for each in (calibration, known))
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            np.testing.assert_array_equal(before, after)


def test_knowing_uses_what_stands_before_and_a_second_centring_what_the_first_has_learnt() -> None:
    draw = np.random.default_rng(4).standard_normal
    first, second = (Centring(("a", "b"), (5 * draw((2, DIM))).astype(np.float32)) for _ in range(2))
    unlabelled = unit_vectors(0, 6, DIM)
    known = Calibration((Power(2.0), first, second)).knowing("new", unlabelled)
    raised = np.sign(unlabelled) * unlabelled.astype(np.float64) ** 2
    place = known.domains.index("new")
    middle = raised.mean(axis=0)
    np.testing.assert_allclose(known.steps[1].centres[place], middle, atol=1e-6)
    # Centred by its own mean, what is left has the mean 0, not the distance to the nearest old centre.
    np.testing.assert_allclose(known.steps[2].centres[place], (raised - middle).mean(axis=0), atol=1e-6)


def test_knowing_cures_a_shift_that_the_pool_lacks() -> None:
    centres = np.zeros((1, DIM), np.float32)
    calibration = Calibration((Centring(("pool",), centres),))
    clean = unit_vectors(1, 50, DIM)
    clean -= clean.mean(axis=0)
    shifted = (clean + 3.0).astype(np.float32)
    cured = calibration.knowing("new", shifted).apply(shifted, ["new"] * 50)
    np.testing.assert_allclose(cured, calibration.apply(clean, ["pool"] * 50), atol=1e-4)


# ── files and hashes ─────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(SEEDS, st.permutations(range(12)))
def test_a_chain_comes_back_from_its_description_and_arrays(chosen: int, order: list[int]) -> None:
    calibration = chain(chosen, DIM)
    description = json.loads(json.dumps(calibration.description()))
    arrays = list(calibration.arrays().items())
    arrays = [arrays[place] for place in order if place < len(arrays)]
    back = Calibration.from_parts(description, {name: array.copy() for name, array in arrays})
    assert back.digest() == calibration.digest()
    assert back.description() == calibration.description()
    vectors = unit_vectors(2, 3, DIM)
    before, after = (applied(each, vectors, ["a", "b", None]) for each in (calibration, back))
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        np.testing.assert_array_equal(before, after)


def test_more_than_ten_steps_keep_their_arrays_apart() -> None:
    calibration = Calibration(
        tuple(Affine(np.full((2, 2), n, np.float32), np.full(2, -n, np.float32)) for n in range(12))
    )
    back = Calibration.from_parts(calibration.description(), calibration.arrays())
    assert [int(step.weight[0, 0]) for step in back.steps] == list(range(12))


def test_an_array_that_belongs_to_no_step_is_refused() -> None:
    calibration = Calibration((Centring(("a",), np.ones((1, DIM), np.float32)),))
    for name in ("1.centres", "0.weight", "centres"):
        with pytest.raises(ValueError, match="belongs to no step"):
            Calibration.from_parts(calibration.description(), {**calibration.arrays(), name: np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="lacks"):
        Calibration.from_parts(calibration.description(), {})


def test_every_number_word_and_place_is_hashed() -> None:
    weight, bias = np.eye(4, dtype=np.float32), np.zeros(4, np.float32)
    nudged = weight.copy()
    nudged[3, 3] = np.nextafter(np.float32(1), np.float32(2))
    centring = Centring(("a", "b"), np.eye(2, 4, dtype=np.float32))
    affine = Affine(weight, bias)
    chains_ = [
        (affine,),
        (Affine(weight, bias, relu=True),),
        (Affine(nudged, bias),),
        (Affine(weight, bias + np.float32(1e-30)),),
        (Affine(weight[:, :3].copy(), bias[:3].copy()),),
        (centring,),
        (replace(centring, names=("a", "c")),),
        (replace(centring, trust=0.5),),
        (replace(centring, centres=centring.centres[::-1].copy()),),
        (Normalise(),),
        (Normalise(2),),
        (Power(),),
        (Power(0.25),),
        (Normalise(), Power()),
        (Power(), Normalise()),
        (affine, centring),
        (centring, affine),
        (affine, affine),
    ]
    digests = {Calibration(steps).digest() for steps in chains_}
    assert len(digests) == len(chains_)
    assert all(len(digest or "") == 64 for digest in digests)
    fortran = Calibration((Affine(np.asfortranarray(weight), bias),))
    assert fortran.digest() == Calibration((affine,)).digest()


def test_the_digest_is_stable_across_releases() -> None:
    """Encoders on disk carry it: a change here strands them."""
    affine = Affine(np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(3, np.float32))
    calibration = Calibration((Centring(("a", "ü"), np.eye(2, dtype=np.float32)), Power(), Normalise(), affine))
    assert calibration.digest() == "7fce2e354cb6e5748516b996184a25c4dcbc20601dd493c2c50e7444059d0175"


def test_arrays_that_would_be_stored_otherwise_than_applied_are_refused() -> None:
    step = Centring(("a",), np.ones((1, DIM), np.float32))
    object.__setattr__(step, "centres", np.full((1, DIM), 0.1))  # past the checks of types that only tests have
    with pytest.raises(ValueError, match=r"'0\.centres' is float64, not float32"):
        Calibration((step,))


def test_whole_numbers_hash_as_the_floats_they_come_back_as() -> None:
    centres = np.eye(1, DIM, dtype=np.float32)
    whole = Calibration((Centring(("a",), centres, np.float64(1)), Power(np.float64(2))))
    back = Calibration.from_parts(json.loads(json.dumps(whole.description())), whole.arrays())
    assert back.digest() == whole.digest()
    assert [type(value) for step in whole.steps for value in step.settings().values()] == [list, float, float]
