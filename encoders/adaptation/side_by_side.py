"""The trained trunk's vectors beside the frozen one's, as one space: the depth ``finetune + frozen``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32

from encoders.adaptation.depths import Sides, Space
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.folds import Fold
from encoders.calibration.calibration import IDENTITY
from encoders.normalise import l2_normalised

__all__ = ["SideBySide", "side_by_side"]

# A rehearsal with a domain less says little about how to weigh twice as many dimensions: on HAM10000's vidir_modern the
# folds of two seeds (one with both at 160 px) had it .03 and .02 behind the fine-tuned trunk alone, and on the domain
# left out it was .02 and .03 ahead in macro accuracy. On PACS's sketches and digits' mnist_m it cost nothing.
_UNDERRATED = 0.04


class SideBySide:
    """Fine-tuning again, and nothing forgotten (`encoders.beside_frozen`); no training of its own.

    Args:
        examples: The images.
        finetune: Has trained, or will.
        sides: Of each fold, by the trunk that was fine-tuned for it.
    """

    name = "finetune + frozen"

    def __init__(self, examples: Examples, finetune: Finetune, sides: Mapping[Fold, Sides]) -> None:
        self._frozen, self._finetune, self._sides = examples.vectors, finetune, sides
        self.credit = finetune.credit + _UNDERRATED

    def sides_of(self, fold: Fold) -> Sides:
        """Both sides by both trunks."""
        (near, held), (ours, theirs) = self._sides[fold], fold.judged()
        return side_by_side(self._frozen[ours], near), side_by_side(self._frozen[theirs], held)

    def final(self) -> Space:
        """All images by both trunks."""
        both = side_by_side(self._frozen, self._finetune.final().vectors)
        return Space(self._finetune.beside_frozen(), IDENTITY, both)


def side_by_side(
    frozen: Float32[np.ndarray, "n dim"], trained: Float32[np.ndarray, "n dim"]
) -> Float32[np.ndarray, "n both"]:
    """The two behind one another, L2-normalised, as `encoders.beside_frozen_module.BesideFrozen` gives them.

    >>> import numpy as np
    >>> float(side_by_side(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32))[0, 0])
    0.7071067690849304
    """
    return l2_normalised(np.concatenate([frozen, trained], axis=1))
