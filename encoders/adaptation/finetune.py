"""The deepest depth: the last blocks of the trunk are trained, on activations of the frozen blocks before them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from encoders.adaptation.activations import Activations
from encoders.adaptation.averaging import Averaged
from encoders.adaptation.checkpoint import load_checkpoint, save_checkpoint
from encoders.adaptation.finetune_options import FinetuneOptions
from encoders.adaptation.gradients import backward
from encoders.adaptation.leading import Leader
from encoders.adaptation.ranks import ALONE, Ranks
from encoders.adaptation.sampler import ClassDomainSampler
from encoders.adaptation.schedule import rate_at
from encoders.adaptation.style import mixed_styles
from encoders.adaptation.training_arithmetic import training_arithmetic
from encoders.adaptation.training_state import load_state, state_of
from encoders.adaptation.watch import SILENT, Watch
from encoders.objectives.objective import Objective

__all__ = ["FinetuneOptions", "Finetuning"]

_CHECKPOINT_EVERY = 15.0  # seconds


class Finetuning:
    """One training of a back, which can be stopped after any step and gone on with.

    Every draw is a function of seed and step, so that a training that was killed ends as one that wasn't.

    Args:
        back: Trained in place; batch-norm statistics stay as they are.
        activations: What it takes, of all images.
        places: (n,) int64, the images that it learns from.
        labels: (images,) class of each image, from 0.
        domains: (images,) domain of each, −1 where it isn't known.
        dim: Length of the back's vectors.
        objective: What it is trained with.
        options: How.
        steps: How many batches.
        seed: Of the projection, the batches and the styles.
        device: Where it is trained.
        folder: Where it keeps its checkpoint; None for none.
        compiled: Whether the back is compiled; its numbers stay the same within rounding.
        half_products: Whether a cpu multiplies in bfloat16.
        ranks: The processes that share it; this one is rank 0.
        origin: What other ranks build the same back from (`encoders.adaptation.following.follow`).
    """

    def __init__(
        self,
        back: nn.Module,
        activations: Activations,
        places: Int64[np.ndarray, " n"],
        labels: Int64[np.ndarray, " images"],
        domains: Int64[np.ndarray, " images"],
        *,
        dim: int,
        objective: Objective,
        options: FinetuneOptions,
        steps: int,
        seed: int = 0,
        device: str = "cpu",
        folder: Path | None = None,
        compiled: bool = False,
        half_products: bool = False,
        ranks: Ranks = ALONE,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        self._back = back.to(device).eval()  # evaluation mode: batch-norm statistics stay as they are
        self._back.requires_grad_(True)
        self._activations, self._places, self._device, self._folder = activations, places, device, folder
        self._labels, self._domains = labels, domains
        self._options, self._steps, self._seed, self._half_products = options, steps, seed, half_products
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._projection = _projection(dim, options.projection).to(device)
        classes = int(labels.max()) + 1
        self._losses = nn.ModuleList(
            objective.build(length, classes, seed=seed) for length in (options.projection, dim)
        ).to(device)
        self._average = Averaged(self._back, options.memory)
        self._optimiser = _optimiser(self._back, [self._projection, self._losses], options)
        self._leader = self._shared_by(ranks, origin or {}, compiled=compiled) if ranks.several else None
        if compiled:  # in place, behind the copy that the average is
            self._back.compile()
        self._sampler = _sampler(labels[places], domains[places], options, seed)
        learnt_by = asdict(options) | {"served_side": None}
        del learnt_by["trained_share"]  # both come after the training
        self._words = {"objective": [objective.name, objective.options()], "options": learnt_by, "steps": steps}
        self._words |= {"seed": seed, "images": _digest(labels, domains, places)}
        self.step = 0

    def run(self, *, name: str = "finetune", watch: Watch = SILENT) -> nn.Module:
        """Train to the end, from the checkpoint where there is one.

        Args:
            name: What the watch is told of.
            watch: Told of each step and its loss, and asked whether to go on.

        Returns:
            The back with the running mean of the weights, in evaluation mode, on the device.

        Raises:
            StoreCorruptError: The checkpoint is damaged.
            InternalError: Another process that shares it has ended.
        """
        self._go_on()
        saved = time.monotonic()
        try:
            while self.step < self._steps:
                watch.check()
                loss = self._descend()
                watch.progress(name, self.step, self._steps, {"loss": loss})
                if time.monotonic() - saved > _CHECKPOINT_EVERY or self.step == self._steps:
                    self.save()
                    saved = time.monotonic()
        finally:
            if self._leader is not None:
                self._leader.end()
        return self._average.module

    def save(self) -> None:
        """Write a checkpoint, where there is a folder for it."""
        if self._folder is not None:
            state = state_of(self._trained(), self._average.module, self._optimiser)
            save_checkpoint(self._folder, self.step, state, self._words)

    def _shared_by(self, ranks: Ranks, origin: Mapping[str, Any], *, compiled: bool) -> Leader:
        return Leader(ranks, self._back, self._optimiser, self._options, origin=origin, compiled=compiled)

    def _descend(self) -> float:
        batch = self._sampler.batch(self.step)
        rng = np.random.default_rng([self._seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        numbers = rng.integers(self._activations.views(), size=len(batch))
        places = self._places[batch]
        maps = self._activations.take(places, numbers).to(self._device)
        if maps.ndim == 4:
            maps = maps.contiguous(memory_format=torch.channels_last)
            maps = mixed_styles(maps, generator, probability=self._options.style_mixing)
        labels = torch.from_numpy(self._labels[places]).to(self._device)
        domains = torch.from_numpy(self._domains[places]).to(self._device)
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(self.step, self._steps, group["highest"])
        self._optimiser.zero_grad()
        loss = self._backward(maps, lambda found: self._loss(found, labels, domains))
        self._optimiser.step()
        self._average.update(self._back, self.step)
        self.step += 1
        return float(loss)

    def _backward(self, maps: torch.Tensor, loss_of: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        if self._leader is None:
            return backward(self._features, maps, loss_of, micro_batch=self._options.micro_batch)
        return self._leader.backward(maps, loss_of, rate=rate_at(self.step, self._steps, self._options.rate))

    def _features(self, maps: torch.Tensor) -> torch.Tensor:
        with self._arithmetic():
            features: torch.Tensor = self._back(maps)
        return features

    def _loss(self, features: torch.Tensor, labels: torch.Tensor, domains: torch.Tensor) -> torch.Tensor:
        with self._arithmetic():
            projected = self._projection(features)
        on_projection, on_features = self._losses
        loss: torch.Tensor = on_projection(projected, labels, domains)
        loss = loss + self._options.on_features * on_features(features, labels, domains)
        return loss

    def _arithmetic(self) -> AbstractContextManager[Any]:
        return training_arithmetic(torch.device(self._device).type, half_products=self._half_products)

    def _trained(self) -> nn.ModuleDict:
        return nn.ModuleDict({"back": self._back, "projection": self._projection, "losses": self._losses})

    def _go_on(self) -> None:
        found = None if self._folder is None else load_checkpoint(self._folder, self._words)
        if found is None:
            return
        self.step, tensors = found
        load_state(tensors, self._trained(), self._average.module, self._optimiser)


def _projection(dim: int, length: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, 512), nn.ReLU(), nn.Linear(512, length))


def _sampler(
    labels: Int64[np.ndarray, " n"], domains: Int64[np.ndarray, " n"], options: FinetuneOptions, seed: int
) -> ClassDomainSampler:
    return ClassDomainSampler(
        labels,
        domains,
        classes_per_batch=options.classes_per_batch,
        images_per_class=options.images_per_class,
        seed=seed,
    )


def _optimiser(back: nn.Module, others: list[nn.Module], options: FinetuneOptions) -> torch.optim.AdamW:
    parameters = [parameter for module in others for parameter in module.parameters()]
    return torch.optim.AdamW(
        [
            {"params": list(back.parameters()), "highest": options.rate},
            {"params": parameters, "highest": options.projection_rate},
        ],
        weight_decay=options.decay,
    )


def _digest(*arrays: np.ndarray) -> str:
    """Of the images that are learnt from: another training's checkpoint would be gone on with on the wrong ones."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(array, "<i8").tobytes() for array in arrays)).hexdigest()
