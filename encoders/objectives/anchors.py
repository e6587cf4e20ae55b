"""Sums and means over the anchors of a batch, without an epsilon and without a NaN."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float

__all__ = ["log_sum_exp", "mean_or_zero", "mean_over"]


def log_sum_exp(
    similarities: Float[torch.Tensor, "n m"], counted: Bool[torch.Tensor, "n m"]
) -> Float[torch.Tensor, " n"]:
    """log Σ e^s over the entries that count; each row has at least one."""
    return similarities.masked_fill(~counted, -torch.inf).logsumexp(dim=1)


def mean_over(
    similarities: Float[torch.Tensor, "n m"], counted: Bool[torch.Tensor, "n m"]
) -> Float[torch.Tensor, " n"]:
    """The mean of the entries that count; each row has at least one."""
    return similarities.masked_fill(~counted, 0.0).sum(dim=1) / counted.sum(dim=1)


def mean_or_zero(
    losses: Float[torch.Tensor, " anchors"], vectors: Float[torch.Tensor, "batch dim"]
) -> Float[torch.Tensor, ""]:
    """The mean over the anchors; without any a zero that hangs on `vectors`, so that ``backward`` finds its way."""
    return losses.mean() if len(losses) else vectors.sum() * 0.0
