"""Class-conditioned contrastive invariance: images of one class lie together whatever their domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float

from encoders.objectives.anchors import log_sum_exp
from encoders.objectives.pair_formula import PairFormula

__all__ = ["Cci"]


@dataclass(frozen=True)
class Cci(PairFormula):
    """CCI, class-conditioned contrastive invariance.

    With z = f(x)/‖f(x)‖ and s_ij = z_i·z_j/τ, over the anchors i that have a positive::

        ℓ_i = −log( Σ_{j∈P(i)} e^{s_ij} / Σ_{k≠i} e^{s_ik} )        L = mean ℓ_i

    The positives are summed inside the logarithm: one near positive satisfies an anchor, where `SupCon` asks for all
    of them. Domains enter by the batch, drawn evenly over classes and their domains
    (`encoders.adaptation.sampler`), and by ``positives``. A loss is at least 0, and above it however well the classes
    are apart: with n images a class of N, cosine 1 within and c between classes, it is
    log(1 + (N−n)/(n−1)·e^{(c−1)/τ}); at τ = 1 two orthogonal classes of 32 still cost 0.32, so a temperature near 1
    has little to say.

    Source: Zhou et al., 2024, Adapting Large Multimodal Models to Distribution Shifts: The Role of In-Context
    Learning, https://arxiv.org/abs/2405.12217. There is no official code; the formula above is the reference.

    Args:
        temperature: τ, from 1e-6 to 1e6; to be swept.
        positives: ``same_class``: P(i) is everyone else of the class. ``other_domain``: only those of other domains;
            the denominator stays, so that images of the same class and domain are pushed away like any other, and an
            image without a known domain is no anchor and nobody's positive. An option to ablate.

    Raises:
        ValueError: An argument is out of range.
    """

    name: ClassVar[str] = "cci"

    def losses(
        self,
        similarities: Float[torch.Tensor, "anchors batch"],
        positives: Bool[torch.Tensor, "anchors batch"],
        others: Bool[torch.Tensor, "anchors batch"],
    ) -> Float[torch.Tensor, " anchors"]:
        """ℓ_i of each anchor."""
        return log_sum_exp(similarities, others) - log_sum_exp(similarities, positives)
