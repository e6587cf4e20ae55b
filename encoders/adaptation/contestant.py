"""A space that took part in an adaptation, and how it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from encoders.adaptation.closed_form import TunedClosedForm
from encoders.adaptation.figures import Figures

__all__ = ["Contestant"]


@dataclass(frozen=True)
class Contestant:
    """A space that took part.

    Attributes:
        depth: ``frozen``, ``closed_form``, ``head`` or ``finetune``.
        closed_form: The map behind it; None for none.
        figures: Means over the folds.
        centred: Means over the folds where the queries are centred by their own mean; None without a map.
        seconds: What its folds took.
    """

    depth: str
    closed_form: TunedClosedForm | None
    figures: Figures
    seconds: float

    @property
    def name(self) -> str:
        """The depth, and whether a closed form follows."""
        return f"{self.depth} + closed_form" if self.closed_form and self.depth != "closed_form" else self.depth

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        form = self.closed_form
        return {
            "name": self.name,
            "depth": self.depth,
            **self.figures.to_json(),
            "centred": None if form is None else form.centred.to_json(),
            "form": None if form is None else vars(form.form),
            "seconds": round(self.seconds, 1),
        }
