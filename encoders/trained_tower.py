"""A tower whose weights are in memory: what a training has made of another one."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from encoders.preprocess import Preprocessing
from encoders.state_digest import state_digest
from encoders.tower import Tower

__all__ = ["trained_tower"]


def trained_tower(base: Tower, module: nn.Module, *, preprocessing: Preprocessing | None = None) -> Tower:
    """The tower that a module with new weights is; training on doesn't change it any more.

    Args:
        base: What it was made of; it has the same architecture, pooling and length of vectors.
        module: Of ``base.build()``, with other weights; on any device.
        preprocessing: Another one, where it was trained with larger images, say; None for the base's.

    Raises:
        ValueError: A weight is not finite: the training has diverged.
    """
    own = copy.deepcopy(module).cpu().eval().requires_grad_(False)
    state = own.state_dict()
    if broken := [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]:
        raise ValueError(f"the weights {broken[0]!r} are not finite")
    return replace(
        base, weights=state_digest(state), build=lambda: own, preprocessing=preprocessing or base.preprocessing
    )
