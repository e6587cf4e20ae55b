"""A cell of the ablation: one variant is fine-tuned a fixed number of steps, and the left-out domain asks it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from benchmarks.quality.answers import Answers, answered
from benchmarks.quality.cached_activations import cached_activations
from benchmarks.quality.cell import Cell
from benchmarks.quality.division import Division, leave_one_domain_out
from benchmarks.quality.facts import facts
from benchmarks.quality.frozen import frozen_vectors
from benchmarks.quality.image_set import read_set
from benchmarks.quality.options import STEPS, Options
from benchmarks.quality.phases import Phases
from benchmarks.quality.record import Record
from benchmarks.quality.rows import CENTRED
from benchmarks.quality.variants import VARIANTS, Variant
from encoders.adaptation.activations import Activations, activations_of
from encoders.adaptation.encoded import encoded
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune import Finetuning
from encoders.adaptation.folds import folds_of
from encoders.adaptation.inputs import Inputs
from encoders.adaptation.turns import turn
from encoders.calibration.discriminant import fit_closed_form
from encoders.efficientnet_lite0 import packaged_tower
from encoders.split import split

__all__ = ["ABLATED", "PlainBatches", "cells", "measure"]

ABLATED = (("pacs", "sketch"), ("ham10000", "vidir_modern"), ("digits", "mnist_m"))


def cells(seeds: int) -> list[Cell]:
    """Every variant on a domain of each set, all variants of a domain after one another: they share activations."""
    return [
        Cell("ablation", images, domain, seed, variant)
        for seed in range(seeds)
        for images, domain in ABLATED
        for variant in VARIANTS
    ]


def measure(cell: Cell, options: Options, say: Callable[[str], None]) -> Record:
    """Run one; see `benchmarks.quality.adapting.measure`."""
    phases = Phases(say)
    images = read_set(Path(options.data) / cell.images, limit=options.limit)
    division, variant = leave_one_domain_out(images, cell.domain), VARIANTS[cell.variant]
    examples = division.examples(frozen_vectors(images, Path(options.cache)))
    rows = _rows(division, examples, variant, seed=cell.seed, options=options, phases=phases)
    known = {
        **facts(),
        "options": asdict(options) | _options(variant),
        "images": {"pool": len(division.pool), "queries": len(division.queries)},
        "phases": phases.to_json(),
    }
    return Record(cell, division.classes, division.query_labels, rows, known)


def _rows(
    division: Division, examples: Examples, variant: Variant, *, seed: int, options: Options, phases: Phases
) -> dict[str, Answers]:
    """The answers of the fine-tuned trunk, and of the default closed form behind it."""
    tower = packaged_tower()
    preprocessing = replace(tower.preprocessing, size=variant.options.side or tower.preprocessing.size)
    module = tower.build().to(memory_format=torch.channels_last)
    halves = split(module, str(tower.architecture["family"]), variant.options.blocks)
    cache, count = Path(options.cache), len(division.queries)
    inputs = Inputs(examples, preprocessing, variant.augmentation, seed=seed)
    activations = cached_activations(halves.front, inputs, division, variant, seed=seed, cache=cache, phases=phases)
    training = _Training(halves.back, activations, examples, variant, seed, options.steps or STEPS, phases)
    back = training.averaged() if variant.folds else training.back(np.arange(len(examples)), "all domains")
    phases.enter("queries")
    asked = Inputs(division.asking(), preprocessing, variant.augmentation)
    queries = encoded(back, activations_of(halves.front, asked, count, 1), np.arange(count))
    pool = encoded(back, activations, np.arange(len(examples)))
    phases.enter("closed form")
    behind = fit_closed_form(pool, examples.labels, examples.domains, examples.known_domains)
    mapped, domains = behind.apply(pool, examples.domain_names), [division.domain] * count
    centred = behind.knowing(division.domain, queries).apply(queries, domains)
    return {
        "finetune": answered(pool, queries, division),
        "finetune + closed_form": answered(mapped, behind.apply(queries), division),
        f"finetune + closed_form{CENTRED}": answered(mapped, centred, division),
    }


def _options(variant: Variant) -> dict[str, Any]:
    return {
        "objective": [variant.objective.name, variant.objective.options()],
        "finetune": asdict(variant.options),
        "augmentation": asdict(variant.augmentation),
        "balanced": variant.balanced,
        "folds": variant.folds,
    }


class PlainBatches:
    """All images equally often, whatever their class and domain: the control of `ClassDomainSampler`.

    Args:
        images: How many there are.
        batch_size: How many are drawn at once.
        seed: Of the order.
    """

    def __init__(self, images: int, batch_size: int, seed: int) -> None:
        self._images, self._seed = images, seed
        self.batch_size = batch_size

    def batch(self, step: int) -> Int64[np.ndarray, " batch"]:
        """The images of one batch."""
        return turn(self._images, self.batch_size, step, self._seed, 0)[0]


class _PlainFinetuning(Finetuning):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sampler = PlainBatches(len(self._places), self._sampler.batch_size, self._seed)  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class _Training:
    fresh: nn.Module
    activations: Activations
    examples: Examples
    variant: Variant
    seed: int
    steps: int
    phases: Phases

    def back(self, places: Int64[np.ndarray, " n"], name: str) -> nn.Module:
        """A back that learnt from some of the images."""
        kind = Finetuning if self.variant.balanced else _PlainFinetuning
        training = kind(
            copy.deepcopy(self.fresh),
            self.activations,
            places,
            self.examples.labels,
            self.examples.domains,
            dim=packaged_tower().dim,
            objective=self.variant.objective,
            options=self.variant.options,
            steps=self.steps,
            seed=self.seed,
        )
        return training.run(name=f"fine-tuning, {name}", watch=self.phases.watch)

    def averaged(self) -> nn.Module:
        """The mean of the weights of a back that learnt from all and of those that learnt without a domain each."""
        folds = folds_of(self.examples, seed=self.seed)
        backs = [self.back(np.arange(len(self.examples)), "all domains")]
        backs += [self.back(fold.learn, f"without {fold.name}") for fold in folds]
        with torch.no_grad():
            for parameters in zip(*(back.parameters() for back in backs), strict=True):
                parameters[0].copy_(torch.stack(list(parameters)).mean(dim=0))
        return backs[0]
