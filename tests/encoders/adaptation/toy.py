"""A training small enough for a test: two convolutions with a batch norm, on maps with planted classes and domains.

Run as a program it trains in a folder until its parent kills it, or to the end.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from encoders.adaptation import finetune
from encoders.adaptation.activations import KeptActivations
from encoders.adaptation.finetune import FinetuneOptions, Finetuning
from encoders.adaptation.ranks import ALONE
from encoders.adaptation.watch import Watch
from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy

STEPS = 12
OPTIONS = FinetuneOptions(classes_per_batch=3, images_per_class=4, projection=8, rate=5e-3, projection_rate=5e-3)
LABELS, DOMAINS = np.arange(36) % 3, np.arange(36) // 3 % 4 - 1


def back_of() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        back = nn.Sequential(
            nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        back[1].running_mean.uniform_(-0.3, 0.3)
        back[1].running_var.uniform_(0.5, 2.0)
    return back.to(memory_format=torch.channels_last)


def training_of(folder: Path | None = None, *, objective: Any = None, **changes: Any) -> Finetuning:
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((36, 3, 4, 6, 6)) + 1.5 * rng.standard_normal((3, 1, 4, 1, 1))[LABELS]
    maps += 1.5 * rng.standard_normal((5, 1, 4, 1, 1))[DOMAINS]
    return Finetuning(
        changes.pop("back", None) or back_of(),
        KeptActivations(torch.from_numpy(maps).to(torch.bfloat16)),
        changes.pop("places", np.arange(36)),
        LABELS,
        DOMAINS,
        dim=5,
        objective=objective or Cci(),
        steps=changes.pop("steps", STEPS),
        seed=changes.pop("seed", 0),
        ranks=changes.pop("ranks", ALONE),
        compiled=changes.pop("compiled", False),
        origin=changes.pop("origin", {}),
        options=replace(OPTIONS, **changes),
        folder=folder,
    )


def main(folder: Path, result: Path, dies_behind: int) -> None:
    """Save after every step, and die by SIGKILL behind one of them."""
    finetune._CHECKPOINT_EVERY = 0.0
    done = 0

    def told(phase: str, step: int, total: int, figures: dict[str, float]) -> None:
        nonlocal done
        done += 1
        if done == dies_behind:
            os.kill(os.getpid(), signal.SIGKILL)

    module = training_of(folder, objective=CrossEntropy()).run(watch=Watch(told))
    save_file({name: value.contiguous() for name, value in module.state_dict().items()}, result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
