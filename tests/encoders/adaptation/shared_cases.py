"""Trainings that two processes share, and the same in one: ``python -m … FOLDER`` under `torchrun`'s environment.

Rank 0 does all cases, one after another, and writes what came out; rank 1 follows and writes what it was left with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from encoders.adaptation import finetune
from encoders.adaptation.activations import KeptActivations
from encoders.adaptation.finetune import Finetuning
from encoders.adaptation.following import back_from, follow
from encoders.adaptation.ranks import ALONE, Ranks, joined
from encoders.adaptation.watch import Watch
from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from encoders.open_clip_tower import FAMILY
from encoders.split import split
from invariantselect.errors import JobCancelledError
from tests.encoders.adaptation.towers import DIM, VISION, images_of, tower_of
from tests.encoders.adaptation.toy import DOMAINS, LABELS, OPTIONS, back_of, training_of

Tensors = dict[str, torch.Tensor]
TOYS: Mapping[str, dict[str, Any]] = {
    "cci": {},
    "cross_entropy": {"objective": CrossEntropy()},
    "uneven": {"images_per_class": 5},
    "in parts": {"micro_batch": 4, "objective": CrossEntropy()},
    "uneven, in parts": {"images_per_class": 5, "micro_batch": 3, "style_mixing": 1.0},
    "compiled": {"compiled": True},
    "half used": {"half_used": True},
    "fewer images than ranks": {"classes_per_batch": 1, "images_per_class": 1, "objective": CrossEntropy()},
}
STEPS = 5
LEFT_AT = 4


class HalfUsed(nn.Module):
    """A back with a part that its vectors don't hang on, as some towers have for their tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.back, self.idle = back_of(), nn.Linear(3, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.back(inputs)


class Double(nn.Module):
    """A back that computes in double precision, as Adam makes a step of what is rounded away where gradients vanish."""

    def __init__(self, back: nn.Module) -> None:
        super().__init__()
        self.back = back.double()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.back(inputs.double()).float()


def back_like(origin: Mapping[str, Any]) -> nn.Module:
    """What a training begins with, where it is a toy; where it is a tower, what is like it."""
    made: nn.Module = back_from(origin) if "architecture" in origin else back_of()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = HalfUsed() if origin.get("half_used") else made
    return Double(made) if origin.get("double") else made


def towers_training(kind: str, ranks: Ranks, steps: int, *, double: bool) -> Finetuning:
    """The last block of a tiny tower of open_clip, or all of it where it can't be split."""
    tower = tower_of(kind)
    halves = split(tower.build().to(memory_format=torch.channels_last), FAMILY, 1)
    with torch.no_grad():
        maps = halves.front(images_of(36, VISION[kind]["image_size"]))
    return Finetuning(
        Double(halves.back) if double else halves.back,
        KeptActivations(maps.unsqueeze(1).to(torch.bfloat16)),
        np.arange(36),
        LABELS,
        DOMAINS,
        dim=DIM,
        objective=Cci(),
        options=OPTIONS,
        steps=steps,
        ranks=ranks,
        origin={"architecture": dict(tower.architecture), "blocks": 1, "double": double},
    )


def toys_training(name: str, ranks: Ranks, steps: int, *, double: bool) -> Finetuning:
    """One of `TOYS`."""
    changes = dict(TOYS[name])
    changes["compiled"] = changes.get("compiled", False) and ranks.several  # it is compared with one that isn't
    origin = {"double": double, "half_used": changes.pop("half_used", False)}
    return training_of(ranks=ranks, steps=steps, back=back_like(origin), origin=origin, **changes)


def trainings(ranks: Ranks = ALONE) -> dict[str, Callable[..., Finetuning]]:
    """What makes the training of each case, given its steps and whether it is ``double``."""
    toys = {name: partial(toys_training, name, ranks) for name in TOYS}
    return toys | {kind: partial(towers_training, kind, ranks) for kind in VISION}


def gradients(training: Finetuning) -> Tensors:
    """Of one step, of everything that is trained."""
    training._descend()
    if training._leader is not None:
        training._leader.end()
    named = training._trained().named_parameters()
    return {name: parameter.grad.contiguous() for name, parameter in named if parameter.grad is not None}


def weights(module: nn.Module) -> Tensors:
    return {name: value.clone().contiguous() for name, value in module.state_dict().items()}


def stopped_at(step: int) -> Watch:
    """Cancels a training that has done so many steps."""
    done = 0

    def told(*_: object) -> None:
        nonlocal done
        done += 1

    def check() -> None:
        if done == step:
            raise JobCancelledError("stopped")

    return Watch(told, check)


def interrupted(folder: Path, ranks: Ranks = ALONE) -> None:
    """A training that ends half way, with a checkpoint behind its last step."""
    try:
        training_of(folder, ranks=ranks, objective=CrossEntropy()).run(watch=stopped_at(LEFT_AT))
    except JobCancelledError:
        return
    raise AssertionError("it wasn't cancelled")


def gone_on(folder: Path, ranks: Ranks = ALONE) -> Tensors:
    """The same, to its end."""
    steps: list[int] = []
    training = training_of(folder, ranks=ranks, objective=CrossEntropy())
    ended = training.run(watch=Watch(lambda *told: steps.append(told[1])))
    assert steps[0] == LEFT_AT + 1
    return weights(ended)


def lead(ranks: Ranks, folder: Path) -> None:
    """Do all cases and write what came out."""
    found: dict[str, Tensors] = {}
    for name, training in trainings(ranks).items():
        found[f"gradients, {name}"] = gradients(training(1, double=False))
        shared = training(STEPS, double=True)
        found[f"weights, {name}"] = weights(shared.run())
        found[f"last, {name}"] = weights(shared._back)
    interrupted(folder / "begun by two", ranks)
    found["gone on by two"] = gone_on(folder / "begun by one", ranks)
    save_file({f"{case}: {name}": it for case, of in found.items() for name, it in of.items()}, folder / "rank 0")


def main(folder: Path) -> None:
    finetune._CHECKPOINT_EVERY = -1.0  # behind each step
    nn.Module.compile = partialmethod(nn.Module.compile, backend="eager")  # the other takes half a minute here
    backs: list[nn.Module] = []

    def build(origin: Mapping[str, Any]) -> nn.Module:
        backs.append(back_like(origin))
        with torch.no_grad():
            for tensor in backs[-1].state_dict().values():
                tensor.zero_()  # rank 0's numbers are all that counts
        return backs[-1]

    with joined("cpu") as ranks:
        if ranks.leads:
            lead(ranks, folder)
        else:
            follow(ranks, build)
            of = zip(trainings(), backs[1::2], strict=False)
            save_file({f"last, {case}: {name}": it for case, b in of for name, it in weights(b).items()}, folder / "1")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
