"""Cosine similarities over a temperature, in full precision whatever the training runs in."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float

__all__ = ["check_temperature", "full_precision", "scaled_similarities", "unit"]

_COLDEST, _WARMEST = 1e-6, 1e6


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that no float32 similarity could be divided by and still mean something.

    Raises:
        ValueError: It isn't a number from 1e-6 to 1e6. A cosine in float32 is known to 6e-8: divided by less than
            1e-6, the rounding alone would decide.
    """
    if not (math.isfinite(temperature) and _COLDEST <= temperature <= _WARMEST):
        raise ValueError(f"the temperature is {temperature}, it must lie from {_COLDEST:g} to {_WARMEST:g}")


def full_precision(embeddings: Float[torch.Tensor, "batch dim"]) -> Float[torch.Tensor, "batch dim"]:
    """float32 of what is less precise, the rest as it is."""
    return embeddings if embeddings.dtype == torch.float64 else embeddings.float()


def unit(vectors: Float[torch.Tensor, "n dim"]) -> Float[torch.Tensor, "n dim"]:
    """Each row divided by its Euclidean length, at full precision; a row of zeros stays one, with a finite gradient."""
    vectors = full_precision(vectors)
    # Squares of 1e20 overflow in float32, those of 1e-23 vanish. A length doesn't hang on the scale, nor does its
    # gradient, so that the scale may be taken for a constant.
    scale = vectors.detach().abs().amax(dim=1, keepdim=True)
    scaled = vectors / torch.where(scale > 0, scale, 1.0)
    length = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
    return scaled / torch.where(length > 0, length, 1.0)


def scaled_similarities(
    rows: Float[torch.Tensor, "n dim"], columns: Float[torch.Tensor, "m dim"], temperature: float
) -> Float[torch.Tensor, "n m"]:
    """s_ij = x_i·y_j / τ of L2-normalised vectors; autocast, which would round the products, is off."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows @ columns.T / temperature
