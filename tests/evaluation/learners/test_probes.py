"""The probes against scikit-learn in all dimensions, and against the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from evaluation.learners import registry
from evaluation.learners.learner import Answer, AsyncLearner, Learner, Question
from evaluation.learners.logistic_probe import LogisticProbe
from evaluation.learners.naive_bayes_probe import NaiveBayesProbe
from evaluation.learners.registry import learners_of
from evaluation.learners.vote import Vote
from invariantselect.errors import InvalidRequestError
from tests.evaluation.learners.questions import question

LEARNERS = [Vote(), LogisticProbe(), NaiveBayesProbe()]
_LABELS = st.text("abc", min_size=2, max_size=7).filter(lambda labels: len(set(labels)) > 1)


@settings(deadline=None, max_examples=100)
@given(_LABELS, st.integers(0, 99))
def test_seeking_the_regression_in_the_span_of_the_demonstrations_changes_nothing(labels: str, seed: int) -> None:
    asked = question(labels, seed=seed)
    fitted = LogisticRegression(C=10.0, tol=1e-10, max_iter=10_000).fit(asked.vectors.astype(float), list(labels))
    likely = fitted.predict_proba(asked.vector[None].astype(float))[0]
    answer = LogisticProbe().answer(asked)
    assert answer.confidence == pytest.approx(likely.max(), abs=1e-3)
    assert likely[list(fitted.classes_).index(answer.label)] == pytest.approx(likely.max(), abs=1e-3)


@settings(deadline=None, max_examples=40)
@given(_LABELS, st.integers(0, 99), st.sampled_from([0.1, 10.0]))
def test_naive_bayes_is_bayes_rule_with_a_gaussian_for_each_dimension(labels: str, seed: int, smoothing: float) -> None:
    asked = question(labels, seed=seed)
    vectors, query = asked.vectors.astype(float), asked.vector.astype(float)
    names = sorted(set(labels))
    logs = []
    for name in names:
        own = vectors[[label == name for label in labels]]
        variance = own.var(axis=0) + smoothing * vectors.var(axis=0).max()
        density = -0.5 * (np.log(2 * np.pi * variance) + (query - own.mean(axis=0)) ** 2 / variance)
        logs.append(np.log(len(own) / len(labels)) + density.sum())
    likely = np.exp(logs - np.logaddexp.reduce(logs))
    answer = NaiveBayesProbe(smoothing).answer(asked)
    assert answer.label == names[int(likely.argmax())]
    assert answer.confidence == pytest.approx(likely.max())


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_zero_shots_get_no_answer_and_one_label_is_answered_for_certain(learner: Learner) -> None:
    assert learner.answer(question("")) == Answer(None, 0.0)
    assert learner.answer(question("c")) == Answer("c", 1.0)
    assert learner.answer(question("bbb", [0.3, 0.2, 0.1])) == Answer("b", 1.0)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
@pytest.mark.parametrize("dim", [1, 2, 1280])
def test_any_number_of_dimensions_and_twins_will_do(learner: Learner, dim: int) -> None:
    asked = question("abcab", dim=dim)
    twins = Question(
        asked.query, asked.vector, asked.classes, asked.ids, asked.labels, (0.5,) * 5, np.tile(asked.vector, (5, 1))
    )
    answer = learner.answer(twins)
    # Nothing but how often each is shown tells them apart; of equals the first.
    assert (answer.label, answer.confidence) == ("a", pytest.approx(0.4, abs=0.01))
    assert 0.0 < learner.answer(asked).confidence <= 1.0


@given(st.text("abcd", max_size=7), st.integers(0, 9), st.sampled_from(LEARNERS))
@settings(deadline=None)
def test_confidence_is_a_share_and_the_answer_is_among_the_labels_shown(
    labels: str, seed: int, learner: Learner
) -> None:
    asked = question(labels, seed=seed)
    answer = learner.answer(asked)
    assert answer == learner.answer(asked)
    assert 0.0 <= answer.confidence <= 1.0
    assert answer.label in set(labels) if labels else answer.label is None


def test_learners_have_names_that_tell_them_apart() -> None:
    assert [learner.name for name in ("vote", "probe") for learner in learners_of(name)] == [
        "vote",
        "logistic",
        "naive_bayes",
    ]
    assert LogisticProbe(1.0).name == "logistic c=1"
    assert NaiveBayesProbe(0.5).name == "naive_bayes smoothing=0.5"
    assert all(isinstance(learner, Learner) for learner in LEARNERS)


def test_without_its_library_a_probe_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    with pytest.raises(InvalidRequestError) as caught:
        learners_of("probe")
    assert "invariantselect-server[evaluate]" in caught.value.hint
    assert learners_of("vote")


async def test_a_learner_over_a_network_has_the_same_question_and_answer() -> None:
    class Remote:
        name = "remote"

        async def answer(self, question: Question) -> Answer:
            return Answer(question.classes[0], 0.5, "I say a")

        async def aclose(self) -> None:
            pass

    remote = Remote()
    assert isinstance(remote, AsyncLearner)
    assert (await remote.answer(question("ab"))).raw == "I say a"
