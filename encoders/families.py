"""The families of architectures, by name: what builds a module that weights are loaded into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from encoders import beside_frozen, efficientnet_lite0, open_clip_tower

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FAMILIES", "check_family", "module_of"]

FAMILIES: Mapping[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    efficientnet_lite0.FAMILY: efficientnet_lite0.build_module,
    open_clip_tower.FAMILY: open_clip_tower.build_module,
    beside_frozen.FAMILY: beside_frozen.build_module,
}


def check_family(architecture: Mapping[str, Any]) -> None:
    """Whether an architecture that was read from a file is of families that are known here.

    Raises:
        ValueError: It isn't.
    """
    if architecture["family"] not in FAMILIES:
        raise ValueError(f"there is no family {architecture['family']!r}")
    if architecture["family"] == beside_frozen.FAMILY:
        check_family(beside_frozen.trunk_of(architecture))


def module_of(architecture: Mapping[str, Any]) -> nn.Module:
    """The module of an architecture, without weights.

    Args:
        architecture: As `encoders.tower.Tower` has it; its ``family`` is one of `FAMILIES`.

    Raises:
        EncoderUnavailableError: It can't be built here.
    """
    return FAMILIES[architecture["family"]](architecture)
