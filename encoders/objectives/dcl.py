"""Decoupled contrastive learning with labels: the positives don't compete with the negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int64

from encoders.objectives.anchors import log_sum_exp, mean_over
from encoders.objectives.pair_formula import PairFormula

__all__ = ["Dcl"]


@dataclass(frozen=True)
class Dcl(PairFormula):
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

    def others(self, labels: Int64[torch.Tensor, " batch"]) -> Bool[torch.Tensor, "batch batch"]:
        """The images of other classes.

        Args:
            labels: (batch,) class of each.
        """
        return labels[:, None] != labels[None, :]

    def losses(
        self,
        similarities: Float[torch.Tensor, "anchors batch"],
        positives: Bool[torch.Tensor, "anchors batch"],
        others: Bool[torch.Tensor, "anchors batch"],
    ) -> Float[torch.Tensor, " anchors"]:
        """ℓ_i of each anchor."""
        return log_sum_exp(similarities, others) - mean_over(similarities, positives)
