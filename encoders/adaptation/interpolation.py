"""Between frozen and trained weights: what a training has forgotten comes back, and most of what it has learnt stays.

Source: Wortsman et al., Robust fine-tuning of zero-shot models, 2021, https://arxiv.org/abs/2109.01903.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["interpolated"]


@torch.no_grad()
def interpolated(frozen: nn.Module, trained: nn.Module, share: float) -> nn.Module:
    """A module whose every parameter is (1 − share)·frozen + share·trained, on the trained one's device.

    Args:
        frozen: What the training began with; on any device.
        trained: The same module after it. Its buffers are taken as they are.
        share: From 0, the frozen parameters, to 1, the trained ones.

    Raises:
        ValueError: The share is out of range, or the modules aren't of one kind.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"the share {share} is not between 0 and 1")
    made = copy.deepcopy(trained)
    for ours, theirs in zip(made.parameters(), frozen.parameters(), strict=True):
        ours.lerp_(theirs.to(ours.device, ours.dtype), 1.0 - share)
    return made
