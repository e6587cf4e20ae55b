"""Who wins a contest."""

from __future__ import annotations

import pytest

from encoders.adaptation.contestant import Contestant, best_of
from encoders.adaptation.figures import Figures


def contestant(depth: str, score: float, credit: float = 0.0) -> Contestant:
    return Contestant(depth, None, Figures(score, score, score), 1.0, credit)


@pytest.mark.parametrize(
    ("head", "finetune", "winner"),
    [
        (0.77, 0.74, "head"),
        (0.77, 0.76, "finetune"),  # behind by less than its credit
        (0.60, 0.695, "frozen"),  # a credit beats nobody but those that beat the frozen encoder, too
        (0.60, 0.71, "finetune"),
        (0.71, 0.70, "head"),
        (0.60, 0.70, "frozen"),
    ],
)
def test_a_credit_decides_among_those_that_beat_the_frozen_encoder(head: float, finetune: float, winner: str) -> None:
    frozen = contestant("frozen", 0.70)
    entered = [frozen, contestant("head", head), contestant("finetune", finetune, 0.02)]
    assert best_of(entered, frozen=frozen).depth == winner


def test_without_the_frozen_encoder_the_best_of_the_others_is_taken() -> None:
    entered = [contestant("head", 0.6), contestant("finetune", 0.59, 0.02)]
    assert best_of(entered, frozen=contestant("frozen", 0.7)).depth == "head"
