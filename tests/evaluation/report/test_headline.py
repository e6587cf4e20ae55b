"""The headline says what the intervals bear, and no more."""

from __future__ import annotations

import pytest

from evaluation.comparison import Comparison
from evaluation.figures import Row
from evaluation.report.contents import Difference, contents_of
from evaluation.report.headline import Verdict, headline_of, verdict_of
from evaluation.statistics.bootstrap import Estimate
from evaluation.statistics.mcnemar import McNemar
from tests.evaluation.report.made_up import evaluation

ABOVE, BELOW, AROUND = Estimate(0.1, 0.01, 0.2), Estimate(-0.1, -0.2, -0.01), Estimate(0.1, 0.0, 0.2)


@pytest.mark.parametrize(
    ("accuracy", "macro", "expected"),
    [
        (ABOVE, ABOVE, Verdict.HELPS),
        (ABOVE, AROUND, Verdict.HELPS),
        (AROUND, ABOVE, Verdict.HELPS),
        (AROUND, AROUND, Verdict.UNCLEAR),
        (BELOW, AROUND, Verdict.HURTS),
        (BELOW, BELOW, Verdict.HURTS),
        (ABOVE, BELOW, Verdict.DIVIDED),
        (BELOW, ABOVE, Verdict.DIVIDED),
    ],
)
def test_a_verdict_needs_an_interval_clear_of_0(accuracy: Estimate, macro: Estimate, expected: Verdict) -> None:
    for units, verdict in ((6, expected), (5, Verdict.UNCLEAR if expected is Verdict.UNCLEAR else Verdict.TOO_FEW)):
        found = Comparison(9, accuracy, macro, accuracy, McNemar(1, 1, 1.0), units)
        assert verdict_of(Difference(Row("a", 1, "vote"), Row("b", 1, "vote"), found)) is verdict


def test_ours_is_set_against_its_nearest_rival_with_the_most_shots() -> None:
    headline = headline_of(contents_of(evaluation(300), seed=0))
    (finding,) = headline.findings
    assert headline.title == "InvariantSelect helps here"
    assert (finding.main.one, finding.main.other) == (
        Row("invariant_select", 7, "vote"),
        Row("topk_nearest", 7, "vote"),
    )
    assert [each.other.strategy for each in finding.others] == ["random"]


def test_a_learner_that_answers_without_demonstrations_is_compared_with_that_too() -> None:
    contents = contents_of(evaluation(60, learners=("lmm:tiny",)), seed=0)
    (finding,) = headline_of(contents).findings
    assert [each.other for each in finding.others] == [Row("random", 7, "lmm:tiny"), Row("none", 0, "lmm:tiny")]
    vote = contents_of(evaluation(60), seed=0)
    assert [each for each in vote.differences if not each.other.shots] == []


def test_what_makes_no_difference_isnt_praised() -> None:
    answers = evaluation(60, strategies=("alpha", "beta"), shots=(3,))
    headline = headline_of(contents_of(answers, seed=0))
    assert headline.title == "alpha makes no clear difference here"


def test_learners_that_disagree_are_told_apart() -> None:
    good, level = evaluation(200, learners=("lmm:a",), shots=(7,)), evaluation(200, learners=("lmm:b",), shots=(7,))
    level = [each for each in level if each.strategy in ("none", "random")]
    level += [
        type(each)(**{**vars(each), "strategy": name})
        for each in level
        if each.shots
        for name in ("topk_nearest", "invariant_select")
    ]
    headline = headline_of(contents_of([*good, *level], seed=0))
    assert [finding.verdict for finding in headline.findings] == [Verdict.HELPS, Verdict.UNCLEAR]
    assert headline.title == "Whether InvariantSelect helps here depends on the learner"


def test_one_strategy_alone_is_told_plainly() -> None:
    answers = evaluation(50, strategies=("topk_nearest",), shots=(3,))
    headline = headline_of(contents_of(answers, seed=0))
    assert headline.findings == ()
    right = sum(each.right for each in answers if each.shots) / 50
    assert headline.title == f"{100 * right:.1f} % right with 3 demonstrations by TopKNearest"
    zero = headline_of(contents_of([each for each in answers if not each.shots], seed=0))
    assert zero.title == "0.0 % right without demonstrations"
