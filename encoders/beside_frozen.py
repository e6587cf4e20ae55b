"""A trained tower beside the frozen one that it was made of, both vectors one behind the other.

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

__all__ = ["FAMILY", "beside_frozen", "build_module", "trunk_of"]

FAMILY = "beside_frozen"


def beside_frozen(base: Tower, trained: Tower, blocks: int | None) -> Tower:
    """The tower of both; its vectors are twice as long as the base's, and it sees images as that does.

    Where the trained one sees them at the same size, the blocks before the last are run once for both. At another size
    they can't be shared: each sees an image at the size at which it sees best.

    Args:
        base: The frozen tower.
        trained: What a training has made of it; it may see images at another size.
        blocks: How many at its end were trained; None for all.

    Raises:
        ValueError: A weight is not finite: the training has diverged.
    """
    from encoders.split import split
    from encoders.trained_tower import trained_tower

    sides = base.preprocessing.size, trained.preprocessing.size
    shared = None if sides[0] != sides[1] else blocks
    architecture = {"family": FAMILY, "blocks": shared, "sides": list(sides), "trunk": dict(base.architecture)}
    module = _both(base.build(), architecture)
    back = split(trained.build(), str(base.architecture["family"]), shared).back
    module.trained.load_state_dict(back.state_dict())
    return trained_tower(replace(base, architecture=architecture, dim=2 * base.dim), module)


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
        architecture: ``trunk``, the architecture of each of the two; ``blocks``, how many at the end they don't share,
            null for all; ``sides``, of the images as the frozen and as the trained one see them, in pixels.

    Raises:
        ValueError: The trunk is such a pair itself.
        EncoderUnavailableError: The trunk can't be built.
    """
    from encoders.families import module_of

    return _both(module_of(trunk_of(architecture)), architecture)


def _both(module: nn.Module, architecture: Mapping[str, Any]) -> BesideFrozen:
    from encoders.beside_frozen_module import BesideFrozen
    from encoders.split import split

    halves = split(module, str(architecture["trunk"]["family"]), architecture["blocks"])
    seen, other = architecture["sides"]
    return BesideFrozen(halves.front, halves.back, sides=None if seen == other else (int(seen), int(other)))
