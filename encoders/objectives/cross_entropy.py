"""Softmax cross-entropy over the classes, with a cosine classifier that is thrown away after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import nn

from encoders.objectives.anchors import mean_or_zero
from encoders.objectives.objective import Objective
from encoders.objectives.similarities import check_temperature, scaled_similarities, unit

__all__ = ["CrossEntropy"]


@dataclass(frozen=True)
class CrossEntropy(Objective):
    """Cross-entropy of a cosine classifier (normalised softmax).

    With z = f(x)/‖f(x)‖, a learned direction w_c for each of C classes, ŵ = w/‖w‖, and smoothing ε::

        p_i(c) = e^{z_i·ŵ_c/τ} / Σ_b e^{z_i·ŵ_b/τ}
        ℓ_i = −(1−ε)·log p_i(y_i) − ε/C·Σ_c log p_i(c)        L = mean ℓ_i

    Directions instead of weights and biases, because an encoder's vectors are compared by their cosine: what the
    classifier could say by a length would be lost. Domains play no part but by the batch.

    Source: Zhai and Wu, 2019, Classification is a Strong Baseline for Deep Metric Learning,
    https://arxiv.org/abs/1811.12649, whose temperature is the default; label smoothing by Szegedy et al., 2016,
    https://arxiv.org/abs/1512.00567.

    Args:
        temperature: τ, from 1e-6 to 1e6.
        label_smoothing: ε, from 0 to below 1.

    Raises:
        ValueError: An argument is out of range.
    """

    name: ClassVar[str] = "cross_entropy"
    temperature: float = 0.05
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}, it must lie from 0 to below 1")

    def build(self, dim: int, classes: int, *, seed: int = 0) -> nn.Module:
        """The loss with its classifier, ``directions`` (classes, dim): see `Objective.build`."""
        # Gaussian: no direction is likelier than another, and their lengths are near one another.
        directions = torch.randn(classes, dim, generator=torch.Generator().manual_seed(seed)) / dim**0.5
        return _CosineClassifier(self, directions)


class _CosineClassifier(nn.Module):
    def __init__(self, options: CrossEntropy, directions: Float[torch.Tensor, "classes dim"]) -> None:
        super().__init__()
        self._options = options
        self.directions = nn.Parameter(directions)

    def forward(
        self,
        embeddings: Float[torch.Tensor, "batch dim"],
        labels: Int64[torch.Tensor, " batch"],
        domains: Int64[torch.Tensor, " batch"],  # noqa: ARG002 -- one signature for every loss
    ) -> Float[torch.Tensor, ""]:
        vectors = unit(embeddings)
        directions = unit(self.directions).to(vectors.dtype)
        with torch.autocast(vectors.device.type, enabled=False):
            losses = nn.functional.cross_entropy(
                scaled_similarities(vectors, directions, self._options.temperature),
                labels,
                reduction="none",
                label_smoothing=self._options.label_smoothing,
            )
        return mean_or_zero(losses, vectors)
