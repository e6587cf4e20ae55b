"""A tower in two: a front that stays frozen, and a back that is trained."""

from __future__ import annotations

import copy
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
        transformer = getattr(visual, "transformer", None)
        if hasattr(visual, "_embeds") and hasattr(visual, "_pool") and getattr(transformer, "batch_first", False):
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
    every = visual.transformer.resblocks
    cut = max(0, len(every) - blocks)
    front = _part(visual, every[:cut], without={"ln_post", "proj", "attn_pool", "attn_pool_contrastive"})
    outside = {"conv1", "class_embedding", "positional_embedding", "patch_dropout", "ln_pre"}
    return Split(_TransformerFront(front), _TransformerBack(_part(visual, every[cut:], without=outside)))


def _part(visual: Any, blocks: nn.Module, *, without: set[str]) -> Any:
    """The transformer with some of its blocks, and without what the other part has; the parameters are shared."""
    part, transformer = _shallow(visual), _shallow(visual.transformer)
    transformer.resblocks = blocks
    part.transformer = transformer
    for held in (part._modules, part._parameters):
        for name in without & held.keys():
            del held[name]
    return part


def _shallow(module: Any) -> Any:
    made = copy.copy(module)
    # Module's own copy shares the dictionaries that its submodules and parameters are held in.
    for name in ("_modules", "_parameters", "_buffers"):
        made.__dict__[name] = dict(module.__dict__[name])
    return made


class _TransformerFront(nn.Module):
    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = self.visual._embeds(images)
        for block in self.visual.transformer.resblocks:
            tokens = block(tokens)
        return tokens


class _TransformerBack(nn.Module):
    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        for block in self.visual.transformer.resblocks:
            tokens = block(tokens)
        pooled: torch.Tensor = self.visual._pool(tokens)[0]
        return pooled if self.visual.proj is None else pooled @ self.visual.proj
