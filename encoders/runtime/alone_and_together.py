"""Whether a vector depends on whom its image meets in a batch. It must not, or an answer would."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from encoders.runtime.runtime import Runtime

__all__ = ["probes", "same_together"]


def same_together(runtime: Runtime, images: Float32[np.ndarray, "n 3 side side"]) -> bool:
    """Whether images have the same features, bit for bit, alone and in batches of every size up to the runtime's.

    Args:
        runtime: That is asked.
        images: Unlike each other, as of `probes`; batches larger than these stay untried.
    """
    alone = np.concatenate([runtime.features(images[place : place + 1]) for place in range(len(images))])
    return all(
        np.array_equal(runtime.features(images[:size]), alone[:size])
        for size in range(2, min(runtime.batch, len(images)) + 1)
    )


def probes(side: int) -> Float32[np.ndarray, "8 3 side side"]:
    """Noise, a ramp, black and white, and more noise of other ranges: what images can be to a tower."""
    random = np.random.default_rng(0)
    noise = random.uniform(-1, 1, (5, 3, side, side)) * np.array([1, 0.1, 0.5, 2, 0.02])[:, None, None, None]
    ramp = np.broadcast_to(np.linspace(-1, 1, side), (1, 3, side, side))
    flat = np.ones((2, 3, side, side)) * np.array([-1, 1])[:, None, None, None]
    return np.concatenate([noise[:1], ramp, flat, noise[1:]]).astype(np.float32)
