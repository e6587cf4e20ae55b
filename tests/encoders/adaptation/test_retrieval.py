"""Against sorting by hand, and against the learner of `evaluation` and figures written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.adaptation import retrieval
from encoders.adaptation.retrieval import Neighbours, accuracy, macro_accuracy, nearest, precision, voted
from evaluation.learners.vote import vote
from tests.encoders.adaptation.test_measures import vectors_of

GRID = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [0.6, 0.8], [0.8, 0.6]], np.float32)


@st.composite
def spaces(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Queries, a pool (perhaps an empty one, with many twins) and the groups of both."""
    q, n = draw(st.integers(1, 5)), draw(st.integers(0, 12))
    if draw(st.booleans()):
        chosen = np.random.default_rng(draw(st.integers(0, 99))).integers(0, len(GRID), q + n)
        vectors = GRID[chosen]
    else:
        vectors = vectors_of(draw(st.integers(0, 99)), q + n)
    groups = np.array(draw(st.lists(st.integers(-1, 2), min_size=q + n, max_size=q + n)), np.int64)
    return vectors[:q], vectors[q:], groups[:q], groups[q:]


def by_hand(
    query: np.ndarray, pool: np.ndarray, group: int | None, groups: np.ndarray, k: int, among: np.ndarray
) -> list[tuple[int, float]]:
    scores = [float(np.float32(sum(float(a) * float(b) for a, b in zip(query, row, strict=True)))) for row in pool]
    allowed = [place for place in np.flatnonzero(among).tolist() if group in (None, -1) or groups[place] != group]
    return [(place, scores[place]) for place in sorted(allowed, key=lambda place: (-scores[place], place))[:k]]


@settings(deadline=None)
@given(spaces(), st.integers(1, 9), st.booleans(), st.integers(1, 30), st.none() | st.integers(0, 2**12 - 1))
def test_the_nearest_are_those_that_sorting_finds(
    space: tuple, k: int, grouped: bool, at_once: int, bits: int | None
) -> None:
    queries, pool, query_groups, pool_groups = space
    options = {"query_groups": query_groups, "pool_groups": pool_groups} if grouped else {}
    among = np.ones(len(pool), np.bool_)
    if bits is not None:
        options["among"] = among = bits >> np.arange(len(pool)) & 1 == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "_SCORES_AT_ONCE", at_once)
        found = nearest(queries, pool, k, **options)
    assert found.places.shape == found.scores.shape == (len(queries), k)
    for query, group, places, scores in zip(queries, query_groups, found.places, found.scores, strict=True):
        expected = by_hand(query, pool, int(group) if grouped else None, pool_groups, k, among)
        there = places != -1
        assert places[there].tolist() == [place for place, _ in expected]
        np.testing.assert_allclose(scores[there], [score for _, score in expected], atol=1e-7)
        assert np.isneginf(scores[~there]).all()
        assert not there[len(expected) :].any()


@st.composite
def neighbourhoods(draw: st.DrawFn) -> tuple[Neighbours, np.ndarray, np.ndarray]:
    """Neighbours with scores that often tie, also below 0; classes of the pool and of the queries."""
    q, k = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    labels = np.array(draw(st.lists(st.integers(0, 3), min_size=8, max_size=8)), np.int64)
    scores = draw(
        st.lists(
            st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.7, 1.0, -0.1, -0.4]), max_size=k).map(
                lambda row: sorted(row, reverse=True)
            ),
            min_size=q,
            max_size=q,
        )
    )
    places = [[draw(st.integers(0, 7)) for _ in row] + [-1] * (k - len(row)) for row in scores]
    filled = [row + [-np.inf] * (k - len(row)) for row in scores]
    truth = draw(st.lists(st.integers(0, 3), min_size=q, max_size=q))
    return Neighbours(np.array(places, np.int64), np.array(filled, np.float32)), labels, np.array(truth, np.int64)


@settings(deadline=None)
@given(neighbourhoods())
def test_votes_are_those_of_evaluation_and_figures_those_written_out(
    given_: tuple[Neighbours, np.ndarray, np.ndarray],
) -> None:
    neighbours, labels, truth = given_
    answers = voted(neighbours, labels)
    names = ["ape", "bat", "cat", "dog"]
    retrieved, expected = [], []
    for places, scores in zip(neighbours.places, neighbours.scores, strict=True):
        there = places != -1
        retrieved.append([names[label] for label in labels[places[there]]])
        expected.append(vote(retrieved[-1], scores[there].tolist()))
    assert [None if answer == -1 else names[answer] for answer in answers] == expected
    wanted = [names[label] for label in truth]
    right = np.array([label == answer for label, answer in zip(wanted, expected, strict=True)])
    assert accuracy(answers, truth) == pytest.approx(right.mean())
    assert macro_accuracy(answers, truth) == pytest.approx(np.mean([right[truth == one].mean() for one in set(truth)]))
    hits = [shown.count(label) for shown, label in zip(retrieved, wanted, strict=True)]
    assert precision(neighbours, labels, truth) == pytest.approx(np.mean(hits) / neighbours.places.shape[1])


def test_ten_equal_sums_in_another_order_tie_as_in_evaluation() -> None:
    # 0.1 + 0.2 + 0.3 is 0.6 or 0.6000000000000001, as one adds.
    scores = np.array([[0.6, 0.3, 0.2, 0.1]], np.float32)
    neighbours = Neighbours(np.array([[0, 1, 2, 3]]), scores)
    labels = np.array([1, 0, 0, 0])
    assert ["a", "b"][voted(neighbours, labels)[0]] == vote(["b", "a", "a", "a"], scores[0].tolist())
