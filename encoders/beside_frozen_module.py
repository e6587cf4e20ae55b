"""The torch module of a trained tower beside the frozen one."""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import nn

from encoders.normalise import NOTHING

__all__ = ["BesideFrozen"]


class BesideFrozen(nn.Module):
    """One front, two backs of the same architecture.

    Args:
        front: (batch, 3, side, side) to whatever the backs take.
        back: From there to (batch, dim); the trained one begins as a copy of it.
    """

    def __init__(self, front: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.front, self.frozen, self.trained = front, back, copy.deepcopy(back)

    def forward(self, images: Float[torch.Tensor, "batch 3 side side"]) -> Float[torch.Tensor, "batch both"]:
        """The frozen vectors and behind them the trained ones, both of length one."""
        seen = self.front(images)
        return torch.cat([_directed(self.frozen(seen)), _directed(self.trained(seen))], dim=1)


def _directed(features: Float[torch.Tensor, "batch dim"]) -> Float[torch.Tensor, "batch dim"]:
    """As `encoders.normalise.directed`."""
    exact = features.float()
    shown = torch.where(torch.linalg.vector_norm(exact, dim=1, keepdim=True) < NOTHING, torch.ones_like(exact), exact)
    vectors: torch.Tensor = shown / torch.linalg.vector_norm(shown, dim=1, keepdim=True)
    return vectors
