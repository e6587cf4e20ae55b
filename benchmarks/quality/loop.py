"""The training loop against a bare torch loop over the same model, a step of each in turn."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from torch import nn

from benchmarks.quality.phases import Phases
from encoders.adaptation.activations import Activations, activations_of
from encoders.adaptation.augmentation import Augmentation
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune import FinetuneOptions, Finetuning
from encoders.adaptation.inputs import Inputs
from encoders.adaptation.watch import Watch
from encoders.efficientnet_lite0 import packaged_tower
from encoders.objectives.cci import Cci
from encoders.split import split

__all__ = ["BareLoop", "loop_figures"]

_STEPS, _WARM = 43, 3


class BareLoop:
    """What a person would write down first: one batch in memory, forward, loss, backward, AdamW.

    Args:
        back: Trained in place.
        activations: (batch, …) float32, of one batch.
        labels: (batch,) class of each.
        domains: (batch,) domain of each.
        dim: Length of the back's vectors.
        options: Rates and the projection, as the loop that it is compared with has them.
    """

    def __init__(
        self,
        back: nn.Module,
        activations: torch.Tensor,
        labels: torch.Tensor,
        domains: torch.Tensor,
        *,
        dim: int,
        options: FinetuneOptions,
    ) -> None:
        self._back = back.eval().requires_grad_(True)
        self._projection = nn.Sequential(nn.Linear(dim, 512), nn.ReLU(), nn.Linear(512, options.projection))
        self._loss = Cci().build(options.projection, int(labels.max()) + 1)
        self._batch = activations.contiguous(memory_format=torch.channels_last), labels, domains
        self._on_features = options.on_features
        parameters = [*self._back.parameters(), *self._projection.parameters()]
        self._optimiser = torch.optim.AdamW(parameters, lr=options.rate, weight_decay=options.decay)

    def step(self) -> None:
        """One batch."""
        maps, labels, domains = self._batch
        features = self._back(maps)
        loss = self._loss(self._projection(features), labels, domains)
        loss = loss + self._on_features * self._loss(features, labels, domains)
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()


def loop_figures(examples: Examples, phases: Phases) -> dict[str, float]:
    """Seconds and megabytes of the activations, seconds a step, images a second here and in the bare loop.

    Args:
        examples: Real images.
        phases: Told of each.
    """
    options, tower = FinetuneOptions(), packaged_tower()
    one, other, kept = _prepared(examples, options, phases)
    phases.enter("steps")
    size = sum(kept.clean(np.arange(1)).numel() for _ in range(kept.views())) * 2 * len(examples)
    training = Finetuning(
        one,
        kept,
        np.arange(len(examples)),
        examples.labels,
        examples.domains,
        dim=tower.dim,
        objective=Cci(),
        options=options,
        steps=_STEPS,
    )
    batch = np.arange(options.images_per_class * min(options.classes_per_batch, len(examples.classes))) % len(examples)
    chosen = (torch.from_numpy(codes[batch]) for codes in (examples.labels, examples.domains))
    bare = BareLoop(other, kept.clean(batch), *chosen, dim=tower.dim, options=options)
    ours, bares = _in_turn(training, bare)
    return {
        "activations_seconds": phases.to_json()["activations"]["seconds"],
        "activations_mb": size / 1e6,
        "seconds_a_step": median(ours),
        "images_a_second": len(batch) / median(ours),
        "bare_images_a_second": len(batch) / median(bares),
        "of_bare": median(bare / our for our, bare in zip(ours, bares, strict=True)),
    }


def _prepared(examples: Examples, options: FinetuneOptions, phases: Phases) -> tuple[nn.Module, nn.Module, Activations]:
    """Two backs of the same weights, and what the front makes of the images."""
    tower = packaged_tower()
    family = str(tower.architecture["family"])
    halves = [split(tower.build().to(memory_format=torch.channels_last), family, options.blocks) for _ in range(2)]
    side = options.side or tower.preprocessing.size
    inputs = Inputs(examples, replace(tower.preprocessing, size=side), Augmentation())
    kept = activations_of(halves[0].front, inputs, len(examples), options.views, watch=phases.watch)
    return halves[0].back, halves[1].back, kept


def _in_turn(training: Finetuning, bare: BareLoop) -> tuple[list[float], list[float]]:
    """Seconds of each step of the two, step by step, so that a drift of the machine's speed cancels."""
    ours: list[float] = []
    bares: list[float] = []
    began = [time.perf_counter()]

    def stepped(*_: object) -> None:
        middle = time.perf_counter()
        bare.step()
        end = time.perf_counter()
        ours.append(middle - began[0])
        bares.append(end - middle)
        began[0] = time.perf_counter()

    training.run(watch=Watch(progress=stepped))
    return ours[_WARM:], bares[_WARM:]
