"""The figures against counting by hand, and against the evaluation's own vote."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from encoders.adaptation.figures import Figures, judged, mean_of
from tests.encoders.calibration.chains import unit_vectors


def test_they_are_what_counting_gives() -> None:
    pool, queries = unit_vectors(0, 60, 5), unit_vectors(1, 40, 5)
    rng = np.random.default_rng(2)
    pool_labels, labels = rng.integers(3, size=60), rng.choice([0, 0, 0, 1, 2], size=40)
    right: dict[int, list[bool]] = defaultdict(list)
    shares = []
    for query, label in zip(queries, labels.tolist(), strict=True):
        near = sorted(range(60), key=lambda place: -float(pool[place] @ query))[:7]
        votes = [sum(float(pool[i] @ query) for i in near if pool_labels[i] == c) for c in range(3)]
        seen = {int(pool_labels[i]) for i in near}
        right[label].append(max(seen, key=lambda c: votes[c]) == label)
        shares.append(np.mean([pool_labels[i] == label for i in near]))
    figures = judged(pool, pool_labels, queries, labels)
    assert figures.accuracy == pytest.approx(np.mean([answer for each in right.values() for answer in each]))
    assert figures.macro_accuracy == pytest.approx(np.mean([np.mean(each) for each in right.values()]))
    assert figures.precision == pytest.approx(np.mean(shares))
    assert figures.score == pytest.approx((figures.accuracy + figures.macro_accuracy + figures.precision) / 3)


def test_the_mean_gives_every_fold_the_same_weight() -> None:
    mean = mean_of([Figures(1.0, 0.5, 0.2), Figures(0.0, 0.1, 0.4)])
    assert (mean.accuracy, mean.macro_accuracy, mean.precision) == pytest.approx((0.5, 0.3, 0.3))
    assert mean.to_json() == {"accuracy": 0.5, "macro_accuracy": 0.3, "precision": 0.3, "score": 0.3667}


def test_a_pool_of_fewer_than_seven_leaves_places_empty() -> None:
    pool = unit_vectors(0, 2, 4)
    figures = judged(pool, np.array([0, 1]), pool, np.array([0, 1]))
    assert (figures.accuracy, figures.precision) == (1.0, pytest.approx(1 / 7))
