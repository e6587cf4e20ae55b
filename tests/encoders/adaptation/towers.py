"""Tiny towers of each kind, with weights drawn at random: built in milliseconds, and from no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from encoders import open_clip_tower
from encoders.preprocess import Preprocessing
from encoders.state_digest import state_digest
from encoders.tower import Tower

DIM = 24
_VIT = {"image_size": 32, "layers": 3, "width": 16, "patch_size": 16, "head_width": 8}
VISION: Mapping[str, dict[str, Any]] = {
    "transformer": _VIT,
    "average of tokens": {**_VIT, "pool_type": "avg", "final_ln_after_pool": True},
    "attentional pool": {**_VIT, "attentional_pool": True, "attn_pooler_queries": 4, "attn_pooler_heads": 2},
    "layer scale": {**_VIT, "ls_init_value": 0.1, "no_ln_pre": True},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
}


def tower_of(kind: str, seed: int = 0) -> Tower:
    """An open_clip tower of one of the kinds above."""
    vision = VISION[kind]
    architecture = {
        "family": open_clip_tower.FAMILY,
        "embed_dim": DIM,
        "vision_cfg": vision,
        "quick_gelu": False,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = open_clip_tower.build_module(architecture)
        for buffer in module.buffers():  # batch-norm statistics as of a trained tower
            if buffer.dtype.is_floating_point:
                buffer.add_(0.1 * torch.rand_like(buffer))
    preprocessing = Preprocessing(vision["image_size"], "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return Tower(architecture, preprocessing, "tower", DIM, state_digest(module.state_dict()), lambda: module)


def images_of(count: int, side: int, seed: int = 0) -> torch.Tensor:
    """(count, 3, side, side) of noise."""
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def names_of_parameters(module: nn.Module) -> set[str]:
    return {name for name, _ in module.named_parameters()}
