"""An objective over pairs: positives by class, a similarity for each, a mean over the anchors."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64

from encoders.objectives.anchors import mean_or_zero
from encoders.objectives.objective import Formula
from encoders.objectives.pairs import Positives, check_positives, not_self, positive_pairs
from encoders.objectives.similarities import check_temperature, scaled_similarities, unit

__all__ = ["PairFormula"]


@dataclass(frozen=True)
class PairFormula(Formula):
    """A formula of s_ij = z_i·z_j/τ with z = f(x)/‖f(x)‖, averaged over the anchors: those that have a positive and
    something to be pushed away from.

    Args:
        temperature: τ, from 1e-6 to 1e6.
        positives: ``same_class``: everyone else of the class. ``other_domain``: only those of other domains; an image
            without a known domain is then no anchor and nobody's positive.

    Raises:
        ValueError: An argument is out of range.
    """

    temperature: float = 0.1
    positives: Positives = "same_class"

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        check_positives(self.positives)

    def __call__(
        self,
        embeddings: Float[torch.Tensor, "batch dim"],
        labels: Int64[torch.Tensor, " batch"],
        domains: Int64[torch.Tensor, " batch"],
    ) -> Float[torch.Tensor, ""]:
        """The mean loss of a batch, (): see `Formula.__call__` for the arguments."""
        vectors = unit(embeddings)
        positives, others = positive_pairs(labels, domains, self.positives), self.others(labels)
        anchors = positives.any(dim=1) & others.any(dim=1)
        similarities = scaled_similarities(vectors[anchors], vectors, self.temperature)
        return mean_or_zero(self.losses(similarities, positives[anchors], others[anchors]), vectors)

    def others(self, labels: Int64[torch.Tensor, " batch"]) -> Bool[torch.Tensor, "batch batch"]:
        """Whom each image is compared with in the denominator: everyone but itself, where a formula says nothing else.

        Args:
            labels: (batch,) class of each.
        """
        return not_self(labels)

    @abstractmethod
    def losses(
        self,
        similarities: Float[torch.Tensor, "anchors batch"],
        positives: Bool[torch.Tensor, "anchors batch"],
        others: Bool[torch.Tensor, "anchors batch"],
    ) -> Float[torch.Tensor, " anchors"]:
        """The loss of each anchor.

        Args:
            similarities: (anchors, batch) s_ij, in float32 or float64.
            positives: (anchors, batch) which are its positives; at least one.
            others: (anchors, batch) which stand in its denominator; at least one.
        """
