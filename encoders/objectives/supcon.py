"""Supervised contrastive learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64

from encoders.objectives.anchors import log_sum_exp, mean_or_zero, mean_over
from encoders.objectives.objective import Formula
from encoders.objectives.pairs import Positives, check_positives, not_self, positive_pairs
from encoders.objectives.similarities import check_temperature, scaled_similarities, unit

__all__ = ["SupCon"]


@dataclass(frozen=True)
class SupCon(Formula):
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
        anchors = positives.any(dim=1)
        similarities = scaled_similarities(vectors[anchors], vectors, self.temperature)
        everyone = log_sum_exp(similarities, not_self(labels)[anchors])
        return mean_or_zero(everyone - mean_over(similarities, positives[anchors]), vectors)
