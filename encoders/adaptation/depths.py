"""The depths of adaptation behind one interface: something that makes a space, for each fold and then for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from encoders.adaptation.examples import Examples
from encoders.adaptation.folds import Fold
from encoders.adaptation.head import HeadOptions, train_head
from encoders.adaptation.watch import Watch
from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.objectives.objective import Objective
from encoders.tower import Tower

__all__ = ["Depth", "Frozen", "Head", "Sides", "Space"]

Sides = tuple[Float32[np.ndarray, "near dim"], Float32[np.ndarray, "held dim"]]
"""Vectors of the images that a fold judges by (`encoders.adaptation.folds.Fold.judged`): learnt from, and held out."""


@dataclass(frozen=True, eq=False)
class Space:
    """What a depth has made of the encoder, and where the images lie in it.

    Attributes:
        trunk: The trained trunk; None for the frozen one.
        calibration: Behind the trunk.
        vectors: (n, dim) float32, L2-normalised, of all images.
    """

    trunk: Tower | None
    calibration: Calibration
    vectors: Float32[np.ndarray, "n dim"]


@runtime_checkable
class Depth(Protocol):
    """One way to make a space.

    Attributes:
        name: ``frozen``, ``head``, ``finetune`` or ``finetune + frozen``.
        credit: What the spaces of folds lack beside the one that is kept, in points of the score.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 -- described above

    @property
    def credit(self) -> float: ...  # noqa: D102 -- described above

    def sides_of(self, fold: Fold) -> Sides:
        """Both sides of a fold in a space that was learnt without its held-out images, L2-normalised."""

    def final(self) -> Space:
        """The space learnt from all images."""


class Frozen:
    """The encoder as it is.

    Args:
        examples: The images.
    """

    name, credit = "frozen", 0.0

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def sides_of(self, fold: Fold) -> Sides:
        """The frozen vectors."""
        near, held = fold.judged()
        return self._examples.vectors[near], self._examples.vectors[held]

    def final(self) -> Space:
        """The frozen vectors."""
        return Space(None, IDENTITY, self._examples.vectors)


class Head:
    """A projection trained on the frozen vectors.

    Args:
        examples: The images.
        objective: What it is trained with.
        options: How.
        seed: Of each training.
        watch: Told of each fold.
    """

    name, credit = "head", 0.0

    def __init__(
        self, examples: Examples, objective: Objective, options: HeadOptions, *, seed: int, watch: Watch
    ) -> None:
        self._examples, self._objective, self._options = examples, objective, options
        self._seed, self._watch = seed, watch

    def sides_of(self, fold: Fold) -> Sides:
        """Both sides behind a head that learnt from one."""
        head, (near, held) = self._trained(fold.learn), fold.judged()
        return head.apply(self._examples.vectors[near]), head.apply(self._examples.vectors[held])

    def final(self) -> Space:
        """All images behind a head that learnt from them."""
        head = self._trained(np.arange(len(self._examples)))
        return Space(None, head, head.apply(self._examples.vectors))

    def _trained(self, places: np.ndarray) -> Calibration:
        examples = self._examples
        return train_head(
            examples.vectors[places],
            examples.labels[places],
            examples.domains[places],
            self._objective,
            self._options,
            seed=self._seed,
            watch=self._watch,
        )
