"""Feature maps with another image's style: domains that don't exist, so that the back learns not to look at them."""

from __future__ import annotations

import torch
from jaxtyping import Float

__all__ = ["mixed_styles"]

_SMALLEST = 1e-5


def mixed_styles(
    maps: Float[torch.Tensor, "batch channels height width"],
    generator: torch.Generator,
    *,
    probability: float = 0.5,
    concentration: float = 0.3,
) -> Float[torch.Tensor, "batch channels height width"]:
    """MixStyle: mean and standard deviation of each channel are mixed with those of another image of the batch.

    Source: Zhou, Yang, Qiao and Xiang, Domain Generalization with MixStyle, 2021, https://arxiv.org/abs/2104.02008.

    Args:
        maps: Feature maps.
        generator: Where pairs and shares are drawn from; on the cpu.
        probability: That a batch is mixed at all.
        concentration: Of the Beta distribution of the shares; small: mostly one style or the other.

    Returns:
        The maps, changed or not; gradients flow through the content, not through the styles.
    """
    drawn = float(torch.rand((), generator=generator))
    order = torch.randperm(len(maps), generator=generator).to(maps.device)
    # A Beta variable from two Gamma variables, as torch's own distributions take no generator.
    alpha = torch.full((2, len(maps)), concentration)
    gammas = torch._standard_gamma(alpha, generator=generator).clamp(min=1e-30)
    share = (gammas[0] / gammas.sum(dim=0)).to(maps).reshape(-1, 1, 1, 1)
    if drawn >= probability:
        return maps
    mean = maps.mean(dim=(2, 3), keepdim=True).detach()
    deviation = (maps.var(dim=(2, 3), keepdim=True, correction=0) + _SMALLEST).sqrt().detach()
    new_deviation = share * deviation + (1.0 - share) * deviation[order]
    new_mean = share * mean + (1.0 - share) * mean[order]
    return (maps - mean) / deviation * new_deviation + new_mean
