"""A trained tower beside the frozen one that it was made of: one front, two backs, both vectors one behind the other.

A training on a few domains keeps what tells their classes apart and forgets the rest, which may be what an unseen
domain needs. A map that is fitted to both vectors takes of each what serves (Kumar et al., Calibrated ensembles can
mitigate accuracy tradeoffs under distribution shift, 2022, https://arxiv.org/abs/2207.08977, of their outputs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from encoders.tower import Tower

if TYPE_CHECKING:
    from torch import nn

    from encoders.beside_frozen_module import BesideFrozen
    from encoders.preprocess import Preprocessing

__all__ = ["FAMILY", "beside_frozen", "build_module", "trunk_of"]

FAMILY = "beside_frozen"


def beside_frozen(base: Tower, back: nn.Module, blocks: int | None, *, preprocessing: Preprocessing) -> Tower:
    """The tower of both; its vectors are twice as long as the base's.

    Args:
        base: The frozen tower.
        back: Its last blocks after a training, as `encoders.split.split` cuts them; on any device.
        blocks: How many those are; None for all.
        preprocessing: For both of them.

    Raises:
        ValueError: A weight is not finite: the training has diverged.
    """
    from encoders.trained_tower import trained_tower

    architecture = {"family": FAMILY, "blocks": blocks, "trunk": dict(base.architecture)}
    module = _both(base.build(), base.architecture, blocks)
    module.trained.load_state_dict(back.state_dict())
    both = replace(base, architecture=architecture, dim=2 * base.dim)
    return trained_tower(both, module, preprocessing=preprocessing)


def trunk_of(architecture: Mapping[str, Any]) -> Mapping[str, Any]:
    """The architecture of the two: what an architecture of this family stands on.

    Raises:
        ValueError: It stands on another of this family.
    """
    trunk: Mapping[str, Any] = architecture["trunk"]
    if trunk["family"] == FAMILY:
        raise ValueError("a tower beside the frozen one can't stand beside another")
    return trunk


def build_module(architecture: Mapping[str, Any]) -> nn.Module:
    """The module without weights: (batch, 3, side, side) to (batch, 2 · dim).

    Args:
        architecture: ``trunk``, the architecture of each of the two, and ``blocks``, how many at the end they don't
            share.

    Raises:
        ValueError: The trunk is such a pair itself.
        EncoderUnavailableError: The trunk can't be built.
    """
    from encoders.families import module_of

    trunk = trunk_of(architecture)
    return _both(module_of(trunk), trunk, architecture["blocks"])


def _both(module: nn.Module, trunk: Mapping[str, Any], blocks: int | None) -> BesideFrozen:
    from encoders.beside_frozen_module import BesideFrozen
    from encoders.split import split

    halves = split(module, str(trunk["family"]), blocks)
    return BesideFrozen(halves.front, halves.back)
