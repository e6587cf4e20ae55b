"""One rank's part of each batch, forwards through the back and backwards again."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from encoders.adaptation.training_arithmetic import training_arithmetic

__all__ = ["Share"]


class Share:
    """A back whose gradients are averaged over all ranks: made on all of them at once, and with rank 0's weights.

    Args:
        back: In evaluation mode, on this rank's device; every rank has one of the same make. What has no part in the
            features mustn't require gradients: the others would be waited for in vain.
        micro_batch: Images whose graph is held at once; 0 for all of the share.
    """

    def __init__(self, back: nn.Module, *, micro_batch: int) -> None:
        # Buffers are frozen statistics: the same from the beginning, and not sent again.
        self._back, self._parallel = back, DistributedDataParallel(back, forward_sync_buffers=False)
        self._micro_batch = micro_batch
        self._parts: tuple[torch.Tensor, ...] = ()
        self._features: torch.Tensor | None = None

    def forward(self, inputs: Float[torch.Tensor, "share ..."]) -> Float[torch.Tensor, "share dim"]:
        """The features of this rank's share, without a graph."""
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        if not 0 < self._micro_batch < len(inputs):
            self._features = _run(self._parallel, inputs)
            return self._features.detach().contiguous()
        self._parts = torch.split(inputs, self._micro_batch)
        with torch.no_grad():
            return torch.cat([_run(self._back, part) for part in self._parts])

    def backward(self, gradient: Float[torch.Tensor, "share dim"]) -> None:
        """Add to the back's gradients the mean over all ranks of what theirs come to.

        Args:
            gradient: Of the loss with respect to what `forward` returned last.
        """
        if self._features is not None:
            self._features.backward(gradient)  # type: ignore[no-untyped-call]  # torch's own annotation is missing
        else:
            *before, last = zip(self._parts, torch.split(gradient, self._micro_batch), strict=True)
            for part, its_gradient in before:
                with self._parallel.no_sync():
                    _run(self._parallel, part).backward(its_gradient)  # type: ignore[no-untyped-call]
            _run(self._parallel, last[0]).backward(last[1])  # type: ignore[no-untyped-call]
        self._features, self._parts = None, ()


def _run(back: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    with training_arithmetic(inputs.device.type):
        features: torch.Tensor = back(inputs)
    return features
