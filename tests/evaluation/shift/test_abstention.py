from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.shift.abstention import best_of, coverage_curve, points_at, ranking_of, threshold_for

_QUERIES = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30)


@settings(deadline=None)
@given(_QUERIES)
def test_each_point_is_what_is_answered_from_its_threshold_on(queries: list[tuple[float, bool]]) -> None:
    curve = coverage_curve(np.array([query[0] for query in queries]), np.array([query[1] for query in queries]))
    assert [point.threshold for point in curve] == sorted({query[0] for query in queries}, reverse=True)
    for point in curve:
        answered = [right for familiarity, right in queries if familiarity >= point.threshold]
        assert (point.answered, point.coverage) == (len(answered), len(answered) / len(queries))
        assert point.accuracy == pytest.approx(np.mean(answered))
    assert curve[-1].coverage == 1.0


@settings(deadline=None)
@given(_QUERIES, st.floats(0, 1), st.integers(1, 10))
def test_the_threshold_answers_the_most_with_the_accuracy(
    queries: list[tuple[float, bool]], accuracy: float, least: int
) -> None:
    curve = coverage_curve(np.array([query[0] for query in queries]), np.array([query[1] for query in queries]))
    chosen = threshold_for(curve, accuracy, least=least)
    good = [point for point in curve if point.accuracy >= accuracy and point.answered >= least]
    if chosen is None:
        assert not good
    else:
        assert chosen in good
        assert all(point.answered <= chosen.answered for point in good)


@settings(deadline=None)
@given(_QUERIES, st.integers(1, 12))
def test_a_few_points_are_the_strictest_of_each_step_of_coverage(queries: list[tuple[float, bool]], steps: int) -> None:
    curve = coverage_curve(np.array([query[0] for query in queries]), np.array([query[1] for query in queries]))
    wanted = [
        next(point for point in curve if point.answered * steps >= step * len(queries)) for step in range(1, steps + 1)
    ]
    assert points_at(curve, steps) == list(dict.fromkeys(wanted))
    assert points_at(curve, steps)[-1] is curve[-1]


@settings(deadline=None)
@given(_QUERIES, st.integers(1, 10))
def test_the_best_is_the_most_accurate_that_answers_enough(queries: list[tuple[float, bool]], least: int) -> None:
    curve = coverage_curve(np.array([query[0] for query in queries]), np.array([query[1] for query in queries]))
    best = best_of(curve, least=least)
    enough = [point for point in curve if point.answered >= least]
    if best is None:
        assert not enough
    else:
        assert all((point.accuracy, point.answered) <= (best.accuracy, best.answered) for point in enough)
        assert threshold_for(curve, best.accuracy, least=least) == best


@settings(deadline=None)
@given(_QUERIES)
def test_the_ranking_is_the_share_of_pairs_in_the_right_order(queries: list[tuple[float, bool]]) -> None:
    pairs = [(one > other) + 0.5 * (one == other) for one, hit in queries if hit for other, miss in queries if not miss]
    ranking = ranking_of(np.array([query[0] for query in queries]), np.array([query[1] for query in queries]))
    assert ranking == (pytest.approx(np.mean(pairs)) if pairs else None)
