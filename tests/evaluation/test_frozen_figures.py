"""The whole road on real images: source, decoding, preprocessing, encoder, pool, search, selection and metrics.

The expected figures were measured once by other means: exact cosine in NumPy over the reference implementation of the
encoder. They are reached only where every step between file and vote is right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.decode import DecodeLimits
from evaluation.answers.answered import Answered
from evaluation.figures import figures_of
from evaluation.learners.vote import Vote
from evaluation.plan import EvaluationPlan
from evaluation.running.evaluation import evaluate
from evaluation.running.learners import Learners
from index.pool import Pool
from service.evaluation.evaluated_pool import evaluated_pool
from service.jobs.learning_set import choose

# Encoding thousands of images on a busy machine takes minutes.
pytestmark = pytest.mark.timeout(1200)

TOLERANCE = 0.02

# Domain → (accuracy, macro accuracy, precision at 7).
Figures = dict[str, tuple[float, float, float]]

PACS: Figures = {
    "art_painting": (0.687, 0.687, 0.610),
    "cartoon": (0.543, 0.543, 0.511),
    "photo": (0.952, 0.952, 0.907),
    "sketch": (0.347, 0.353, 0.297),
    "mean": (0.632, 0.634, 0.581),
}
HAM10000: Figures = {
    "rosendahl": (0.285, 0.204, 0.250),
    "vidir_modern": (0.354, 0.281, 0.302),
    "vidir_molemax": (0.362, 0.150, 0.302),
    "vienna_dias": (0.493, 0.238, 0.396),
    "mean": (0.373, 0.218, 0.312),
}


def figures(pool: Pool, folder: Path) -> Figures:
    """With the leakage guard, which bars little: one picture in a thousand has a twin in another domain."""
    chosen = choose(pool, folder, print)
    plan = EvaluationPlan(shots=(7,), strategies=("topk_nearest",))
    evaluated = evaluated_pool(pool, chosen, DecodeLimits())
    done = evaluate(evaluated, plan, Learners((Vote(),)), folder=chosen.work)
    measured = {fold.name: _of([each for each in done.answers if each.fold == fold.name]) for fold in done.folds}
    means = np.mean([*measured.values()], axis=0).tolist()
    return {**measured, "mean": (means[0], means[1], means[2])}


def _of(answers: list[Answered]) -> tuple[float, float, float]:
    found = figures_of(answers)
    assert found.precision is not None
    return found.accuracy.value, found.macro_accuracy.value, found.precision


def assert_close(measured: Figures, expected: Figures) -> None:
    assert measured.keys() == expected.keys()
    for domain, numbers in expected.items():
        assert measured[domain] == pytest.approx(numbers, abs=TOLERANCE), domain


def test_seven_neighbours_over_styles_come_out_as_measured(pacs_pool: Pool, tmp_path: Path) -> None:
    assert_close(figures(pacs_pool, tmp_path), PACS)


def test_seven_neighbours_over_clinics_come_out_as_measured(ham10000_pool: Pool, tmp_path: Path) -> None:
    assert_close(figures(ham10000_pool, tmp_path), HAM10000)
