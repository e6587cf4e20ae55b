"""Whether `torchrun` started this process as one of several, asked without torch."""

from __future__ import annotations

import os

__all__ = ["is_one_of_several"]

_NEEDED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def is_one_of_several() -> bool:
    """Whether the environment is that of one of several processes."""
    return all(name in os.environ for name in _NEEDED) and int(os.environ["WORLD_SIZE"]) > 1
