"""Which images of a batch are one another's positives and negatives."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Int64

__all__ = ["Positives", "check_positives", "not_self", "positive_pairs"]

Positives = Literal["same_class", "other_domain"]
"""``same_class``: all others of the class. ``other_domain``: only those of another domain; an image whose domain isn't
known is in no such pair, as nobody can tell."""


def check_positives(positives: str) -> None:
    """Raises:
    ValueError: It names no rule of `Positives`.
    """
    if positives not in get_args(Positives):
        raise ValueError(f"positives is {positives!r}, known are {', '.join(get_args(Positives))}")


def not_self(labels: Int64[torch.Tensor, " batch"]) -> Bool[torch.Tensor, "batch batch"]:
    """All pairs but those of an image with itself."""
    return ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)


def positive_pairs(
    labels: Int64[torch.Tensor, " batch"], domains: Int64[torch.Tensor, " batch"], positives: Positives
) -> Bool[torch.Tensor, "batch batch"]:
    """P as a matrix: row i is true at the positives of image i, never at i itself.

    Args:
        labels: Class of each image.
        domains: Domain of each, −1 where it isn't known.
        positives: Who counts.
    """
    pairs = (labels[:, None] == labels[None, :]) & not_self(labels)
    if positives == "other_domain":
        known = domains >= 0
        pairs &= (domains[:, None] != domains[None, :]) & known[:, None] & known[None, :]
    return pairs
