"""How a depth does on the folds, alone and with the closed form behind it that suits it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from encoders.adaptation.closed_form import tune_closed_form
from encoders.adaptation.contestant import Contestant
from encoders.adaptation.depths import Depth, Sides
from encoders.adaptation.examples import Examples
from encoders.adaptation.figures import judged, mean_of
from encoders.adaptation.folds import Fold
from encoders.adaptation.side_by_side import SideBySide
from encoders.adaptation.watch import Watch

__all__ = ["Rehearsed", "Validation"]

# What a depth is called as a contestant, where that isn't its own name.
_CALLED = {"frozen": "closed_form", SideBySide.name: "finetune"}


@dataclass(frozen=True, eq=False)
class Rehearsed:
    """What a depth has made of the folds.

    Attributes:
        depth: It.
        sides: Of each fold.
        began: Moment (`time.monotonic`) at which the first was begun.
    """

    depth: Depth
    sides: Sequence[Sides]
    began: float


@dataclass(frozen=True, eq=False)
class Validation:
    """The judges of a contest.

    Attributes:
        examples: The images.
        folds: At least one.
        watch: Told of each fold, and asked whether to go on.
    """

    examples: Examples
    folds: Sequence[Fold]
    watch: Watch

    def rehearsed(self, depth: Depth) -> Rehearsed:
        """Let a depth learn from one side of each fold."""
        began, sides = time.monotonic(), []
        for number, fold in enumerate(self.folds):
            self.watch.check()
            self.watch.progress(f"validation of {depth.name}", number, len(self.folds), {})
            sides.append(depth.sides_of(fold))
        return Rehearsed(depth, sides, began)

    def alone(self, rehearsed: Rehearsed) -> Contestant:
        """The depth without a closed form."""
        labels, depth, count = self.examples.labels, rehearsed.depth, len(self.folds)
        sides = zip(rehearsed.sides, (fold.judged() for fold in self.folds), strict=True)
        figures = mean_of([judged(near, labels[ours], held, labels[theirs]) for (near, held), (ours, theirs) in sides])
        self.watch.progress(f"validation of {depth.name}", count, count, {"score": figures.score})
        return Contestant(depth.name, None, figures, time.monotonic() - rehearsed.began, depth.credit)

    def composed(self, rehearsed: Rehearsed) -> Contestant:
        """The depth with the closed form that suits it."""
        tuned, depth = tune_closed_form(rehearsed.sides, self.examples, self.folds, watch=self.watch), rehearsed.depth
        return Contestant(
            _CALLED.get(depth.name, depth.name),
            tuned,
            tuned.figures,
            time.monotonic() - rehearsed.began,
            depth.credit,
            beside_frozen=isinstance(depth, SideBySide),
        )
