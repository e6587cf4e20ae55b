"""Trainings that two processes share, and the same in one: ``python -m … FOLDER`` under `torchrun`'s environment.

Rank 0 does all cases, one after another, and writes what came out; rank 1 follows and writes what it was left with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from encoders.adaptation import finetune
from encoders.adaptation.activations import Activations
from encoders.adaptation.finetune import Finetuning
from encoders.adaptation.following import back_from, follow
from encoders.adaptation.ranks import ALONE, Ranks, joined
from encoders.adaptation.split import split
from encoders.adaptation.watch import Watch
from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from encoders.open_clip_tower import FAMILY
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
    "fewer images than ranks": {"classes_per_batch": 1, "images_per_class": 1, "objective": CrossEntropy()},
}
STEPS = 5
LEFT_AT = 4


def towers_training(kind: str, ranks: Ranks = ALONE) -> Finetuning:
    """The last block of a tiny tower of open_clip, or all of it where it can't be split."""
    tower = tower_of(kind)
    origin = {"architecture": dict(tower.architecture), "blocks": 1}
    halves = split(tower.build().to(memory_format=torch.channels_last), FAMILY, 1)
    with torch.no_grad():
        maps = halves.front(images_of(36, VISION[kind]["image_size"]))
    return Finetuning(
        halves.back,
        Activations(maps.unsqueeze(1).to(torch.bfloat16)),
        np.arange(36),
        LABELS,
        DOMAINS,
        dim=DIM,
        objective=Cci(),
        options=replace(OPTIONS, rate=1e-3),
        steps=STEPS,
        ranks=ranks,
        origin=origin,
    )


def trainings(ranks: Ranks = ALONE) -> Iterator[tuple[str, Callable[[int], Finetuning]]]:
    """Each case's name, and what makes its training of some steps."""
    for name, changes in TOYS.items():
        yield name, lambda steps, of=changes: training_of(ranks=ranks, steps=steps, **of)
    for kind in VISION:
        yield kind, lambda _, of=kind: towers_training(of, ranks)


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
    for name, training in trainings(ranks):
        found[f"gradients, {name}"] = gradients(training(1))
        shared = training(STEPS)
        found[f"weights, {name}"] = weights(shared.run())
        found[f"last, {name}"] = weights(shared._back)
    interrupted(folder / "begun by two", ranks)
    found["gone on by two"] = gone_on(folder / "begun by one", ranks)
    save_file({f"{case}: {name}": it for case, of in found.items() for name, it in of.items()}, folder / "rank 0")


def toys_or_towers(origin: Mapping[str, Any]) -> nn.Module:
    """What rank 0 trains, with none of its numbers."""
    back = back_from(origin) if origin else back_of()
    with torch.no_grad():
        for tensor in back.state_dict().values():
            tensor.zero_()
    return back


def main(folder: Path) -> None:
    finetune._CHECKPOINT_EVERY = -1.0  # behind each step
    backs: list[nn.Module] = []

    def build(origin: Mapping[str, Any]) -> nn.Module:
        backs.append(toys_or_towers(origin))
        return backs[-1]

    with joined("cpu") as ranks:
        if ranks.leads:
            lead(ranks, folder)
        else:
            follow(ranks, build)
            of = zip([name for name, _ in trainings()], backs[1::2], strict=False)
            save_file({f"last, {case}: {name}": it for case, b in of for name, it in weights(b).items()}, folder / "1")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
