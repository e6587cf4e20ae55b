"""The distance against scipy and enumerated pairs, the test against its own promise."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from evaluation.shift.energy_test import energy_test


def normal(rng: np.random.Generator, count: int, shift: float = 0.0, dim: int = 4) -> np.ndarray:
    return (rng.normal(size=(count, dim)) + shift).astype(np.float32)


def effect_by_hand(one: np.ndarray, other: np.ndarray) -> float:
    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([np.linalg.norm(x.astype(float) - y.astype(float)) for x in a for y in b]))

    between = 2 * mean(one, other)
    return (between - mean(one, one) - mean(other, other)) / between


def test_the_effect_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    one, other = normal(rng, 9), normal(rng, 6, 0.7)
    assert energy_test(one, other, permutations=9).effect == pytest.approx(effect_by_hand(one, other))


def test_in_one_dimension_it_is_scipys_energy_distance() -> None:
    rng = np.random.default_rng(1)
    one, other = normal(rng, 30, dim=1), normal(rng, 20, 0.5, dim=1)
    between = np.abs(one - other.T).astype(float).mean()
    distance = stats.energy_distance(one[:, 0].astype(float), other[:, 0].astype(float))
    assert energy_test(one, other, permutations=9).effect == pytest.approx(distance**2 / (2 * between), rel=1e-5)


def test_the_p_value_is_that_of_all_divisions_there_are() -> None:
    rng = np.random.default_rng(2)
    one, other = normal(rng, 4), normal(rng, 5, 0.8)
    everyone = np.concatenate([one, other])

    def energy(places: tuple[int, ...]) -> float:
        mask = np.isin(np.arange(9), places)
        a, b = everyone[mask], everyone[~mask]
        pairs = [np.linalg.norm(x.astype(float) - y.astype(float)) for x in a for y in b]
        return effect_by_hand(a, b) * 2 * float(np.mean(pairs))

    own = energy((0, 1, 2, 3))
    divisions = [energy(places) for places in combinations(range(9), 4)]
    exact = np.mean([each >= own - 1e-12 for each in divisions])
    found = energy_test(one, other, permutations=9999).p_value
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 9999) + 1e-4)


def test_without_a_shift_it_cries_wolf_one_time_in_five_at_one_in_five() -> None:
    rng = np.random.default_rng(3)
    p_values = [
        energy_test(normal(rng, 12), normal(rng, 15), permutations=19, seed=seed).p_value for seed in range(300)
    ]
    alarms = sum(p <= 0.2 for p in p_values)
    assert stats.binomtest(alarms, 300, 0.2).pvalue > 0.001


def test_a_shift_is_seen() -> None:
    rng = np.random.default_rng(4)
    found = energy_test(normal(rng, 60), normal(rng, 60, 0.6))
    assert found.p_value == 0.001
    assert found.effect > 4 * found.usual_effect > 0


def test_many_images_of_one_patient_are_no_evidence() -> None:
    rng = np.random.default_rng(5)
    patients = normal(rng, 10)
    images = np.repeat(patients, 30, axis=0) + 0.01 * normal(rng, 300)
    others = normal(rng, 100)
    naive = energy_test(images, others).p_value
    honest = energy_test(images, others, one_units=np.repeat(np.arange(10), 30))
    assert honest.samples == (10, 100)
    assert naive < 0.01 < honest.p_value


def test_large_batches_are_drawn_from() -> None:
    rng = np.random.default_rng(6)
    one, other = normal(rng, 50), normal(rng, 40)
    found = energy_test(one, other, most=20, permutations=99, seed=1)
    assert found.samples == (20, 20)
    assert found == energy_test(one, other, most=20, permutations=99, seed=1)
    assert found != energy_test(one, other, most=20, permutations=99, seed=2)


def test_one_point_everywhere_is_no_shift() -> None:
    same = np.ones((5, 3), np.float32)
    found = energy_test(same, same, permutations=9)
    assert (found.effect, found.p_value) == (0.0, 1.0)
