"""Activations of the frozen front, kept on disk where several cells of an ablation share them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchmarks.quality.division import Division
from benchmarks.quality.phases import Phases
from benchmarks.quality.variants import DEFAULT, Variant
from encoders.adaptation.activations import Activations, KeptActivations, activations_of
from encoders.adaptation.inputs import Inputs

__all__ = ["cached_activations"]


def cached_activations(
    front: nn.Module, inputs: Inputs, division: Division, variant: Variant, *, seed: int, cache: Path, phases: Phases
) -> Activations:
    """What the front makes of the pool's views; from the disk where they are the default's and were computed before.

    Args:
        front: Of `encoders.split.split`.
        inputs: The views of the division's pool.
        division: Names the images.
        variant: How many views, and of which blocks and side.
        seed: Of the views.
        cache: Where they are kept.
        phases: Told how many images are done.
    """
    count, views = len(division.pool), variant.options.views
    if variant.seen != DEFAULT.seen:
        return activations_of(front, inputs, count, views, watch=phases.watch)
    path = cache / "activations" / f"{_key(division, variant, seed)}.safetensors"
    if path.is_file():
        return KeptActivations(load_file(path)["kept"])
    made = activations_of(front, inputs, count, views, watch=phases.watch)
    everyone = np.arange(count)
    # They are kept in bfloat16, which float32 holds without loss.
    taken = [made.take(everyone, np.full_like(everyone, view)).to(torch.bfloat16) for view in range(views)]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    save_file({"kept": torch.stack(taken, dim=1)}, part)
    part.replace(path)
    return made


def _key(division: Division, variant: Variant, seed: int) -> str:
    images = division.images
    files = [(images.files[place], (images.folder / images.files[place]).stat().st_size) for place in division.pool]
    words = repr((seed, variant.seen, files, torch.__version__))
    return f"{images.folder.name}-{division.domain}-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
