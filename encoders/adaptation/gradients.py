"""Gradients of a loss that compares the whole batch, where the batch doesn't fit into memory with its graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float

__all__ = ["backward"]


def backward(
    features_of: Callable[[torch.Tensor], torch.Tensor],
    inputs: Float[torch.Tensor, "batch ..."],
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    *,
    micro_batch: int = 0,
) -> Float[torch.Tensor, ""]:
    """Add the gradients of one batch to all parameters that it hangs on.

    A contrastive loss can't be summed over parts of a batch: each image is compared with all. Here the features of all
    parts come first, without a graph; then the loss and its gradient with respect to them; then each part once more,
    backwards from its share of that gradient. The same numbers, for a second forward pass.

    Source: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, 2021,
    https://arxiv.org/abs/2101.06983 (GradCache).

    Args:
        features_of: Without chance in it: the same for an image whenever it is called, whatever the others are.
        inputs: (batch, …).
        loss_of: From all features to the mean loss.
        micro_batch: Images whose graph is held at once; 0 for all.

    Returns:
        The loss, without a graph.
    """
    if not 0 < micro_batch < len(inputs):
        loss = loss_of(features_of(inputs))
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
        return loss.detach()
    parts = torch.split(inputs, micro_batch)
    with torch.no_grad():
        features = torch.cat([features_of(part) for part in parts])
    features.requires_grad_()
    loss = loss_of(features)
    loss.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None  # noqa: S101 -- the loss hangs on the features
    for part, gradient in zip(parts, torch.split(features.grad, micro_batch), strict=True):
        features_of(part).backward(gradient)  # type: ignore[no-untyped-call]
    return loss.detach()
