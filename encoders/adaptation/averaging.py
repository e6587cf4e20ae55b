"""The running mean of the weights: what a training is judged by and ends with.

Source: Polyak and Juditsky 1992, https://doi.org/10.1137/0330046; that an average lies in flatter ground, which serves
other domains better: Cha et al., SWAD, 2021, https://arxiv.org/abs/2102.08604.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["Averaged"]


class Averaged:
    """An exponential moving average of a module's parameters, with a memory that grows with the steps.

    Args:
        module: Copied; its buffers are taken to be constant, as frozen batch-norm statistics are.
        memory: Share of the old average that stays in a step, once there were enough of them.

    Attributes:
        module: The average, in evaluation mode.
    """

    def __init__(self, module: nn.Module, memory: float = 0.99) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self._memory = memory

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after a step, numbered from 0."""
        memory = min(self._memory, (step + 1) / (step + 10))
        mine: list[torch.Tensor] = list(self.module.parameters())
        new: list[torch.Tensor] = list(module.parameters())
        torch._foreach_lerp_(mine, new, 1.0 - memory)
