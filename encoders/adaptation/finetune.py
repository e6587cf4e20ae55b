"""The deepest depth: the last blocks of the trunk are trained, on activations of the frozen blocks before them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from encoders.adaptation.activations import Activations
from encoders.adaptation.averaging import Averaged
from encoders.adaptation.checkpoint import load_checkpoint, save_checkpoint
from encoders.adaptation.gradients import backward
from encoders.adaptation.sampler import ClassDomainSampler
from encoders.adaptation.schedule import rate_at
from encoders.adaptation.style import mixed_styles
from encoders.adaptation.watch import SILENT, Watch
from encoders.objectives.objective import Objective

__all__ = ["FinetuneOptions", "Finetuning"]

_CHECKPOINT_EVERY = 15.0  # seconds


@dataclass(frozen=True)
class FinetuneOptions:
    """How the back of a trunk is trained.

    Attributes:
        blocks: How many blocks at the end are trained; None for all of the trunk.
        side: Side of the images in pixels, while training and after; None for the encoder's own, which open_clip's
            towers always keep.
        views: Views of each image whose activations are kept; more is more variety, memory and waiting.
        classes_per_batch: P of the sampler.
        images_per_class: K of the sampler.
        rate: Highest learning rate of the back.
        projection_rate: Highest learning rate of the projection, and of what the objective learns.
        decay: Weight decay.
        memory: Of the running mean of the weights.
        projection: Length of the vectors that the objective sees first; the projection is thrown away in the end.
        on_features: Weight of the objective on the trunk's own vectors, which are what is kept.
        style_mixing: Probability that a batch's styles are mixed; maps only.
        micro_batch: Images of a batch whose graph is in memory at once; 0 for all. The gradients are the same, for a
            second forward pass.
        cache_bytes: Memory for activations. Where it holds fewer views of each image, fewer are kept; where it doesn't
            hold two, each is made anew whenever it is drawn.
    """

    blocks: int | None = 8
    side: int | None = 128
    views: int = 6
    classes_per_batch: int = 8
    images_per_class: int = 12
    rate: float = 1e-3
    projection_rate: float = 1e-3
    decay: float = 0.05
    memory: float = 0.99
    projection: int = 128
    on_features: float = 0.5
    style_mixing: float = 0.5
    micro_batch: int = 0
    cache_bytes: int = 4 << 30


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
    ) -> None:
        self._back = back.to(device).eval()  # evaluation mode: batch-norm statistics stay as they are
        self._back.requires_grad_(True)
        self._activations, self._places, self._device, self._folder = activations, places, device, folder
        self._labels, self._domains = labels, domains
        self._options, self._steps, self._seed = options, steps, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._projection = _projection(dim, options.projection).to(device)
        classes = int(labels.max()) + 1
        self._losses = nn.ModuleList(
            objective.build(length, classes, seed=seed) for length in (options.projection, dim)
        ).to(device)
        self._average = Averaged(self._back, options.memory)
        self._optimiser = _optimiser(self._back, [self._projection, self._losses], options)
        self._sampler = ClassDomainSampler(
            labels[places],
            domains[places],
            classes_per_batch=options.classes_per_batch,
            images_per_class=options.images_per_class,
            seed=seed,
        )
        self._words = {"objective": [objective.name, objective.options()], "options": asdict(options), "steps": steps}
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
        """
        self._go_on()
        saved = time.monotonic()
        while self.step < self._steps:
            watch.check()
            loss = self._descend()
            watch.progress(name, self.step, self._steps, {"loss": loss})
            if time.monotonic() - saved > _CHECKPOINT_EVERY or self.step == self._steps:
                self.save()
                saved = time.monotonic()
        return self._average.module

    def save(self) -> None:
        """Write a checkpoint, where there is a folder for it."""
        if self._folder is not None:
            save_checkpoint(self._folder, self.step, self._tensors(), self._words)

    def _descend(self) -> float:
        batch = self._sampler.batch(self.step)
        rng = np.random.default_rng([self._seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        numbers = rng.integers(self._activations.views, size=len(batch))
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
        loss = backward(
            self._features,
            maps,
            lambda found: self._loss(found, labels, domains),
            micro_batch=self._options.micro_batch,
        )
        self._optimiser.step()
        self._average.update(self._back, self.step)
        self.step += 1
        return float(loss)

    def _features(self, maps: torch.Tensor) -> torch.Tensor:
        with self._lower_precision():
            features: torch.Tensor = self._back(maps)
        return features

    def _loss(self, features: torch.Tensor, labels: torch.Tensor, domains: torch.Tensor) -> torch.Tensor:
        with self._lower_precision():
            projected = self._projection(features)
        on_projection, on_features = self._losses
        loss: torch.Tensor = on_projection(projected, labels, domains)
        loss = loss + self._options.on_features * on_features(features, labels, domains)
        return loss

    def _lower_precision(self) -> torch.autocast:
        kind = torch.device(self._device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=kind == "cuda")

    def _trained(self) -> nn.ModuleDict:
        return nn.ModuleDict({"back": self._back, "projection": self._projection, "losses": self._losses})

    def _tensors(self) -> dict[str, torch.Tensor]:
        # Clones: a back may name one tensor twice, which safetensors refuses.
        tensors = {f"now.{key}": value.clone() for key, value in self._trained().state_dict().items()}
        tensors |= {f"mean.{key}": value.clone() for key, value in self._average.module.state_dict().items()}
        for number, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{key}": value.clone() for key, value in state.items()}
        return tensors

    def _go_on(self) -> None:
        found = None if self._folder is None else load_checkpoint(self._folder, self._words)
        if found is None:
            return
        self.step, tensors = found
        self._trained().load_state_dict(_below(tensors, "now."))
        self._average.module.load_state_dict(_below(tensors, "mean."))
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in _below(tensors, "optimiser.").items():
            number, _, name = key.partition(".")
            states.setdefault(int(number), {})[name] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": states, "param_groups": groups})


def _projection(dim: int, length: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, 512), nn.ReLU(), nn.Linear(512, length))


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


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
