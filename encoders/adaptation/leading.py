"""Rank 0's side of a training that several ranks share: it decides everything, and each computes a share of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float
from torch import nn

from encoders.adaptation.finetune_options import FinetuneOptions
from encoders.adaptation.ranks import Ranks
from encoders.adaptation.share import Share
from encoders.adaptation.training_arithmetic import training_arithmetic
from encoders.adaptation.training_state import moments_of

__all__ = ["Leader"]


class Leader:
    """Gradients of whole batches, of which each rank computes a share.

    A contrastive loss compares a batch with itself, so its features come together here: the loss, what it learns and
    its gradient with respect to the features are rank 0's alone. Each rank is given its share of that gradient and goes
    backwards through its own images. The gradients are those of the whole batch in one process. All ranks then step
    with the same gradients, so that their weights stay the same.

    Source: as `encoders.adaptation.gradients.backward`, over processes instead of parts.

    Args:
        ranks: More than one.
        back: What is trained, on rank 0's device.
        optimiser: The back's parameters come first in it. A training that goes on brings its moments.
        options: How the back is trained.
        origin: What the others build the same back from.
        compiled: Whether the others compile the back, too.
    """

    def __init__(
        self,
        ranks: Ranks,
        back: nn.Module,
        optimiser: torch.optim.Optimizer,
        options: FinetuneOptions,
        *,
        origin: Mapping[str, Any],
        compiled: bool = False,
    ) -> None:
        self._ranks, self._back, self._optimiser, self._options = ranks, back, optimiser, options
        self._words = {"origin": dict(origin), "compiled": compiled, "decay": options.decay}
        self._words |= {"micro_batch": options.micro_batch}
        self._share: Share | None = None

    def backward(
        self,
        inputs: Float[torch.Tensor, "batch ..."],
        loss_of: Callable[[torch.Tensor], torch.Tensor],
        *,
        rate: float,
    ) -> Float[torch.Tensor, ""]:
        """Add the gradients of one batch to all parameters that it hangs on; the others step behind it.

        Args:
            inputs: The whole batch, on rank 0's device.
            loss_of: From all features to the mean loss.
            rate: The learning rate of the back in this step.

        Returns:
            The loss, without a graph.

        Raises:
            InternalError: Another rank is gone.
        """
        share = self._share or self._begun(inputs[:1])
        ranks, count = self._ranks, len(inputs)
        size = -(-count // ranks.world)
        ranks.tell({"do": "step", "shape": [size, *inputs.shape[1:]], "rate": rate})
        if size * ranks.world > count:  # images come again, and say nothing the second time
            inputs = inputs[torch.arange(size * ranks.world, device=inputs.device) % count]
        features = share.forward(ranks.scatter(inputs, inputs.new_empty((size, *inputs.shape[1:]))))
        every = ranks.gather(features)
        assert every is not None  # noqa: S101 -- this is rank 0
        kept = every[:count].requires_grad_()
        loss = loss_of(kept)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
        gradient = torch.zeros_like(every)
        assert kept.grad is not None  # noqa: S101 -- the loss hangs on the features
        gradient[:count] = kept.grad
        gradient *= ranks.world  # a mean over ranks follows
        mine = ranks.scatter(gradient, torch.empty_like(features))
        with ranks.together():
            share.backward(mine)
        return loss.detach()

    def end(self) -> None:
        """Let the others go on to the next training."""
        if self._share is not None:
            with suppress(RuntimeError):  # everybody is gone, and why is being told already
                self._ranks.tell({"do": "done"})
            self._share = None

    def _begun(self, image: Float[torch.Tensor, "1 ..."]) -> Share:
        moments = self._moments()
        shapes = {name: list(moment.shape) for name, moment in moments.items()}
        unused = _unused(self._back, image)
        self._ranks.tell({"do": "train", **self._words, "unused": unused, "moments": shapes})
        for name in unused:
            self._back.get_parameter(name).requires_grad_(False)
        with self._ranks.together():
            self._share = Share(self._back, micro_batch=self._options.micro_batch)
        for moment in moments.values():
            self._ranks.broadcast(moment.to(image.device).contiguous())
        return self._share

    def _moments(self) -> dict[str, torch.Tensor]:
        """The optimiser's, of the back's parameters."""
        count = len(list(self._back.parameters()))
        return {name: it for name, it in moments_of(self._optimiser).items() if int(name.partition(".")[0]) < count}


def _unused(back: nn.Module, image: Float[torch.Tensor, "1 ..."]) -> list[str]:
    """Names of the parameters that have no part in the features: some towers of open_clip have such."""
    named = dict(back.named_parameters())
    with training_arithmetic(image.device.type):
        total = back.forward(image).float().sum()  # as it is, where calls are compiled
    found = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    return [name for name, gradient in zip(named, found, strict=True) if gradient is None]
