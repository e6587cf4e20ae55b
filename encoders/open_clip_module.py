"""An open_clip image tower as a module that gives one vector an image."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import nn

__all__ = ["ImageTower"]


class ImageTower(nn.Module):
    """The ``visual`` part of an open_clip model; the text tower stays behind.

    Args:
        visual: (batch, 3, side, side) to (batch, dim), or to a pair of that and the tokens (CoCa).
    """

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: Float[torch.Tensor, "batch 3 side side"]) -> Float[torch.Tensor, "batch dim"]:
        """Pooled and projected vectors, not yet normalised."""
        result = self.visual(images)
        vectors: torch.Tensor = result[0] if isinstance(result, tuple) else result
        return vectors
