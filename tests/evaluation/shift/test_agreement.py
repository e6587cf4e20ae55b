from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.adaptation.retrieval import Neighbours
from evaluation.learners.vote import Vote
from evaluation.shift.agreement import agreement_of
from tests.evaluation.learners.questions import question


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1, 1, width=32)), min_size=1, max_size=7), st.integers(0, 3))
def test_it_is_the_confidence_of_the_vote(nearest: list[tuple[int, float]], missing: int) -> None:
    labels, scores = np.array([each[0] for each in nearest]), np.array([each[1] for each in nearest], dtype=np.float32)
    places = np.concatenate([np.arange(len(nearest)), np.full(missing, -1)])
    padded = np.concatenate([scores, np.full(missing, -np.inf, dtype=np.float32)])
    answer = Vote().answer(question("".join("abcd"[label] for label in labels), scores.tolist()))
    assert agreement_of(Neighbours(places[None], padded[None]), labels)[0] == pytest.approx(answer.confidence)
