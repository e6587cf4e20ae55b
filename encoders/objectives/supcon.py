"""Supervised contrastive learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float

from encoders.objectives.anchors import log_sum_exp, mean_over
from encoders.objectives.pair_formula import PairFormula

__all__ = ["SupCon"]


@dataclass(frozen=True)
class SupCon(PairFormula):
    """SupCon, the paper's L_out (equation 2): the mean over the positives stands outside the logarithm.

    With z = f(x)/‖f(x)‖ and s_ij = z_i·z_j/τ, over the anchors i that have a positive::

        ℓ_i = −1/|P(i)| Σ_{p∈P(i)} log( e^{s_ip} / Σ_{k≠i} e^{s_ik} )        L = mean ℓ_i

    Every positive is pulled at, also the farthest. The paper sums over the anchors; the mean, which doesn't hang on
    the size of the batch, is what the authors' code takes. Their factor τ/τ_base is left to the learning rate.

    Source: Khosla et al., 2020, Supervised Contrastive Learning, https://arxiv.org/abs/2004.11362.

    Args:
        temperature: τ, from 1e-6 to 1e6.
        positives: ``same_class``: P(i) is everyone else of the class. ``other_domain``: only those of other domains;
            an image without a known domain is then no anchor and nobody's positive.

    Raises:
        ValueError: An argument is out of range.
    """

    name: ClassVar[str] = "supcon"

    def losses(
        self,
        similarities: Float[torch.Tensor, "anchors batch"],
        positives: Bool[torch.Tensor, "anchors batch"],
        others: Bool[torch.Tensor, "anchors batch"],
    ) -> Float[torch.Tensor, " anchors"]:
        """ℓ_i of each anchor."""
        return log_sum_exp(similarities, others) - mean_over(similarities, positives)
