"""Decoupled contrastive learning with labels: the positives don't compete with the negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64

from encoders.objectives.anchors import log_sum_exp, mean_or_zero, mean_over
from encoders.objectives.objective import Formula
from encoders.objectives.pairs import Positives, check_positives, positive_pairs
from encoders.objectives.similarities import check_temperature, scaled_similarities, unit

__all__ = ["Dcl"]


@dataclass(frozen=True)
class Dcl(Formula):
    """DCL, decoupled contrastive learning, in its supervised form.

    With z = f(x)/‖f(x)‖, s_ij = z_i·z_j/τ and N(i) the images of other classes, over the anchors i that have both a
    positive and a negative::

        ℓ_i = −1/|P(i)| Σ_{p∈P(i)} s_ip + log Σ_{k∈N(i)} e^{s_ik}        L = mean ℓ_i

    The paper removes the positive from InfoNCE's denominator, as its presence there scales the gradient of easy
    batches down, the more so the smaller they are. With labels every image of the class leaves it, whatever its
    domain. A loss may be negative.

    Source: Yeh et al., 2022, Decoupled Contrastive Learning, https://arxiv.org/abs/2110.06848 (equation 6; labels are
    brought in as in SupCon's L_out, https://arxiv.org/abs/2004.11362).

    Args:
        temperature: τ, from 1e-6 to 1e6.
        positives: ``same_class``: P(i) is everyone else of the class. ``other_domain``: only those of other domains;
            those of the same domain are then neither positive nor negative, and an image without a known domain is no
            anchor and nobody's positive.

    Raises:
        ValueError: An argument is out of range.
    """

    name: ClassVar[str] = "dcl"
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
        positives = positive_pairs(labels, domains, self.positives)
        negatives = labels[:, None] != labels[None, :]
        anchors = positives.any(dim=1) & negatives.any(dim=1)
        similarities = scaled_similarities(vectors[anchors], vectors, self.temperature)
        pushed = log_sum_exp(similarities, negatives[anchors])
        return mean_or_zero(pushed - mean_over(similarities, positives[anchors]), vectors)
