"""The families of architectures, by name: what builds a module that weights are loaded into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from encoders import efficientnet_lite0, open_clip_tower

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FAMILIES", "module_of"]

FAMILIES: Mapping[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    efficientnet_lite0.FAMILY: efficientnet_lite0.build_module,
    open_clip_tower.FAMILY: open_clip_tower.build_module,
}


def module_of(architecture: Mapping[str, Any]) -> nn.Module:
    """The module of an architecture, without weights.

    Args:
        architecture: As `encoders.tower.Tower` has it; its ``family`` is one of `FAMILIES`.

    Raises:
        EncoderUnavailableError: It can't be built here.
    """
    return FAMILIES[architecture["family"]](architecture)
