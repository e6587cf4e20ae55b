"""The torch module of a trained tower beside the frozen one."""

from __future__ import annotations

import copy

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import nn

from encoders.normalise import NOTHING

__all__ = ["BesideFrozen"]


class BesideFrozen(nn.Module):
    """One front, two backs of the same architecture.

    Args:
        front: (batch, 3, side, side) to whatever the backs take.
        back: From there to (batch, dim); the trained one begins as a copy of it.
        sides: Of the images as they come and as the trained one sees them, where it sees them at another size; then
            there is no front.
    """

    resizing: torch.Tensor | None

    def __init__(self, front: nn.Module, back: nn.Module, *, sides: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.front, self.frozen, self.trained = front, back, copy.deepcopy(back)
        # Not saved: it follows from the architecture.
        self.register_buffer("resizing", None if sides is None else _resizing(*sides), persistent=False)

    def forward(self, images: Float[torch.Tensor, "batch 3 side side"]) -> Float[torch.Tensor, "batch both"]:
        """The frozen vectors and behind them the trained ones, both of length one."""
        seen = self.front(images)
        again = seen if self.resizing is None else self.resizing @ seen @ self.resizing.T
        return torch.cat([_directed(self.frozen(seen)), _directed(self.trained(again))], dim=1)


def _resizing(side: int, to: int) -> Float[torch.Tensor, "to side"]:
    """What takes one axis of an image from one size to another as `encoders.preprocess` does: bicubic, antialiased."""
    identity = Image.fromarray(np.eye(side, dtype=np.float32))
    return torch.from_numpy(np.array(identity.resize((side, to), Image.Resampling.BICUBIC)))


def _directed(features: Float[torch.Tensor, "batch dim"]) -> Float[torch.Tensor, "batch dim"]:
    """As `encoders.normalise.directed`."""
    exact = features.float()
    shown = torch.where(torch.linalg.vector_norm(exact, dim=1, keepdim=True) < NOTHING, torch.ones_like(exact), exact)
    vectors: torch.Tensor = shown / torch.linalg.vector_norm(shown, dim=1, keepdim=True)
    return vectors
