"""A space that took part in an adaptation, and how it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from encoders.adaptation.closed_form import TunedClosedForm
from encoders.adaptation.figures import Figures

__all__ = ["Contestant", "best_of"]


@dataclass(frozen=True)
class Contestant:
    """A space that took part.

    Attributes:
        depth: ``frozen``, ``closed_form``, ``head`` or ``finetune``.
        closed_form: The map behind it; None for none.
        figures: Means over the folds.
        centred: Means over the folds where the queries are centred by their own mean; None without a map.
        seconds: What its folds took.
        credit: Added to its score when contestants are compared: what it learns only when it is made for good.
        beside_frozen: Whether the frozen trunk's vectors are beside the fine-tuned one's.
    """

    depth: str
    closed_form: TunedClosedForm | None
    figures: Figures
    seconds: float
    credit: float = 0.0
    beside_frozen: bool = False

    @property
    def name(self) -> str:
        """The depth, whether the frozen trunk is beside it, and whether a closed form follows."""
        space = f"{self.depth} + frozen" if self.beside_frozen else self.depth
        return f"{space} + closed_form" if self.closed_form and self.depth != "closed_form" else space

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        form = self.closed_form
        return {
            "name": self.name,
            "depth": self.depth,
            **self.figures.to_json(),
            "credit": self.credit,
            "centred": None if form is None else form.centred.to_json(),
            "form": None if form is None else vars(form.form),
            "seconds": round(self.seconds, 1),
        }


def best_of(contestants: Sequence[Contestant], *, frozen: Contestant) -> Contestant:
    """The best one by score and credit among those that beat the frozen encoder by their score alone; if none does, the
    best by its score. Of equals the first.

    Args:
        contestants: At least one.
        frozen: What is to be beaten; it may take part.
    """
    beating = [each for each in contestants if each.figures.score > frozen.figures.score]
    if beating:
        return max(beating, key=lambda each: each.figures.score + each.credit)
    return max(contestants, key=lambda each: each.figures.score)
