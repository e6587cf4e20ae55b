"""The other ranks' side of a shared training: they do as rank 0 says, until it says that it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from encoders.adaptation.ranks import Ranks
from encoders.adaptation.share import Share
from encoders.adaptation.training_state import load_moments
from encoders.families import module_of
from encoders.split import split
from invariantselect.errors import InternalError

__all__ = ["back_from", "follow"]


def back_from(origin: Mapping[str, Any]) -> nn.Module:
    """A back of some make, with weights that mean nothing yet.

    Args:
        origin: ``architecture`` and ``blocks`` of `encoders.adaptation.finetune_depth.Finetune`.
    """
    module = module_of(origin["architecture"]).to(memory_format=torch.channels_last)
    return split(module, str(origin["architecture"]["family"]), origin["blocks"]).back


def follow(ranks: Ranks, build: Callable[[Mapping[str, Any]], nn.Module] = back_from) -> None:
    """Compute shares of rank 0's batches, training after training. Needs no pool and no images.

    Args:
        ranks: This is not rank 0.
        build: Makes a back of what rank 0 says of it.

    Raises:
        InternalError: Rank 0 has failed or is gone.
    """
    while True:
        words = _heard(ranks)
        if words["do"] == "end":
            if words["failure"] is not None:
                raise InternalError(
                    f"Rank 0, which does the job, has failed: {words['failure']}", hint="See its own output."
                )
            return
        if words["do"] == "train":
            _Follower(ranks, words, build(words["origin"])).run()


class _Follower:
    """One training."""

    def __init__(self, ranks: Ranks, words: Mapping[str, Any], back: nn.Module) -> None:
        self._ranks, self._device = ranks, torch.device(ranks.device or "cpu")
        back = back.to(self._device).eval().requires_grad_(True)
        for name in words["unused"]:
            back.get_parameter(name).requires_grad_(False)
        if words["compiled"]:
            back.compile()
        with ranks.together():
            self._share = Share(back, micro_batch=words["micro_batch"])
        self._optimiser = torch.optim.AdamW(back.parameters(), weight_decay=words["decay"])
        moments = {
            name: ranks.broadcast(torch.empty(shape, device=self._device)) for name, shape in words["moments"].items()
        }
        load_moments(self._optimiser, moments)

    def run(self) -> None:
        """Follow step by step until rank 0 has done."""
        while (words := _heard(self._ranks))["do"] == "step":
            self._optimiser.zero_grad()
            mine = self._ranks.scatter(None, torch.empty(words["shape"], device=self._device))
            features = self._share.forward(mine)
            self._ranks.gather(features)
            gradient = self._ranks.scatter(None, torch.empty_like(features))
            with self._ranks.together():
                self._share.backward(gradient)
            self._optimiser.param_groups[0]["lr"] = words["rate"]
            self._optimiser.step()


def _heard(ranks: Ranks) -> dict[str, Any]:
    with ranks.together():
        return ranks.hear()
