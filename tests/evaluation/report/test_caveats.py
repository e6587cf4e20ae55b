"""What a reader should know is told of whom it holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.report.contents import contents_of
from evaluation.report.sections.caveats import caveats_of
from tests.evaluation.report.made_up import ABOUT, evaluation


@pytest.mark.parametrize(("learner", "told"), [("vote", True), ("lmm:tiny", False)])
def test_a_learner_without_zero_shots_knows_only_demonstrations_and_a_silent_model_is_counted(
    learner: str, told: bool
) -> None:
    answers = [
        each if each.shots else replace(each, answer=None, confidence=0.0)
        for each in evaluation(60, learners=(learner,))
    ]
    caveats = "\n".join(caveats_of(ABOUT, contents_of(answers, seed=0)))
    assert (f"{learner} knows nothing but its demonstrations" in caveats) is told
    assert ("to up to 100.0 % of the queries" in caveats) is not told
