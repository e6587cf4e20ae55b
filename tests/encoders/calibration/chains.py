"""Calibrations of every kind of step, for tests of what holds of them all."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Centring, Normalise, Power, Step

NAMES = ("a", "b", "Ω hospital")
DOMAINS = st.sampled_from([*NAMES, "elsewhere", None])


def unit_vectors(seed: int, n: int, dim: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def chain(seed: int, inner: int) -> Calibration:
    """Up to four steps, each fitting the one before; which, the seed decides.

    (No strategy of hypothesis: the checks of types while testing draw at random, which strategies must not.)
    """
    chance = np.random.default_rng(seed)
    calibration = Calibration()
    for _ in range(chance.integers(5)):
        calibration = calibration.then(_step(chance, calibration.dim(inner)))
    return calibration


def _step(chance: np.random.Generator, inner: int) -> Step:
    match chance.integers(4):
        case 0:
            outer = int(chance.choice([1, 2, 4, 6, 24]))
            weight, bias = chance.standard_normal((inner, outer)), chance.standard_normal(outer)
            return Affine(weight.astype(np.float32), bias.astype(np.float32), relu=bool(chance.integers(2)))
        case 1:
            names = sorted(chance.choice(NAMES, 1 + chance.integers(len(NAMES)), replace=False).tolist())
            centres = 0.3 * chance.standard_normal((len(names), inner))
            return Centring(tuple(names), centres.astype(np.float32), float(chance.choice([0.0, 0.5, 1.0])))
        case 2:
            return Power(float(chance.choice([0.3, 0.5, 1.0, 2.0])))
    return Normalise(int(chance.choice([blocks for blocks in (1, 2, 3) if inner % blocks == 0])))
