"""How much of a batch a device's memory holds at once with its graph: tried, for no formula knows every trunk."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

__all__ = ["fitting_part"]


def fitting_part(batch: int, run: Callable[[int], object], *, first: int = 0) -> int:
    """The largest of batch, batch / 2, batch / 4, … images that fits.

    Args:
        batch: Images of a batch.
        run: Takes one training step with so many images' graphs at once; raises `torch.OutOfMemoryError` where they
            don't fit.
        first: Tried first; 0 for the whole batch.

    Returns:
        What `encoders.adaptation.gradients.backward` takes as its micro-batch: 0 for the whole batch.

    Raises:
        torch.OutOfMemoryError: Not even one image fits.
    """
    part = first if 0 < first < batch else batch
    while not _fits(run, part):
        if part == 1:
            raise torch.OutOfMemoryError("not even the graph of one image fits")
        part //= 2
    return 0 if part == batch else part


def _fits(run: Callable[[int], object], part: int) -> bool:
    try:
        run(part)
    except torch.OutOfMemoryError:
        fits = False
    else:
        return True
    # Behind the handler: while the error lives, its frames hold what was allocated.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return fits
