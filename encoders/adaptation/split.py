"""A tower in two: a front that stays frozen, and a back that is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from encoders import efficientnet_lite0

__all__ = ["Split", "split"]


@dataclass(frozen=True, eq=False)
class Split:
    """The two halves of one module; they hold its own parameters, not copies.

    Attributes:
        front: (batch, 3, side, side) to whatever the back takes. The identity where everything is trained.
        back: From there to (batch, dim), not yet normalised.
    """

    front: nn.Module
    back: nn.Module


def split(module: nn.Module, family: str, blocks: int | None) -> Split:
    """Cut a tower before its last blocks.

    A tower whose inner order isn't known here (a ResNet of open_clip, a timm tower) is trained as a whole.

    Args:
        module: Of `encoders.tower.Tower.build`.
        family: Of its architecture.
        blocks: How many blocks at the end are trained; None for all of the tower.

    Raises:
        ValueError: Fewer than one block.
    """
    if blocks is not None and blocks < 1:
        raise ValueError("at least one block is trained")
    if blocks is not None:
        if family == efficientnet_lite0.FAMILY:
            return _efficientnet(module, blocks)
        visual = getattr(module, "visual", None)
        if hasattr(visual, "_embeds") and hasattr(visual, "transformer"):
            return _vision_transformer(module, blocks)
    return Split(nn.Identity(), module)


def _efficientnet(module: nn.Module, blocks: int) -> Split:
    tower = cast(Any, module)
    every = [block for stage in tower.blocks for block in stage]
    cut = max(0, len(every) - blocks)
    # Its own global pooling and (empty) classifier: the same numbers as the whole module's.
    return Split(
        nn.Sequential(tower.conv_stem, tower.bn1, *every[:cut]),
        nn.Sequential(*every[cut:], tower.conv_head, tower.bn2, tower.global_pool),
    )


def _vision_transformer(module: nn.Module, blocks: int) -> Split:
    visual = cast(Any, module).visual
    cut = max(0, len(visual.transformer.resblocks) - blocks)
    return Split(_TransformerFront(visual, cut), _TransformerBack(visual, cut))


class _TransformerFront(nn.Module):
    def __init__(self, visual: Any, cut: int) -> None:
        super().__init__()
        self._visual = [visual]  # in a list: its parameters are not the front's, but for those below
        self.blocks = nn.ModuleList(visual.transformer.resblocks[:cut])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = self._visual[0]._embeds(images)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class _TransformerBack(nn.Module):
    def __init__(self, visual: Any, cut: int) -> None:
        super().__init__()
        self._visual = [visual]
        self.blocks = nn.ModuleList(visual.transformer.resblocks[cut:])
        self.ln_post = visual.ln_post
        self.proj = visual.proj  # None where the tower has none

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        pooled: torch.Tensor = self._visual[0]._pool(tokens)[0]
        return pooled if self.proj is None else pooled @ self.proj
