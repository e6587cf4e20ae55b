"""The middle depth: a projection trained with an objective on the frozen trunk's vectors, a matter of seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import nn

from encoders.adaptation.averaging import Averaged
from encoders.adaptation.sampler import ClassDomainSampler
from encoders.adaptation.schedule import rate_at
from encoders.adaptation.watch import SILENT, Watch
from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Normalise, Power
from encoders.objectives.objective import Objective

__all__ = ["HeadOptions", "train_head"]


@dataclass(frozen=True)
class HeadOptions:
    """How a head is trained.

    Attributes:
        hidden: Width of the hidden layer; 0 for a linear projection.
        dim: Length of a vector behind the head.
        steps: Batches.
        classes_per_batch: P of the sampler.
        images_per_class: K of the sampler.
        rate: Highest learning rate.
        decay: Weight decay.
        dropout: Share of the input's features that is left out, anew for each batch: a head that leans on few features
            of the frozen trunk leans on those of the source domains.
    """

    hidden: int = 512
    dim: int = 128
    steps: int = 300
    classes_per_batch: int = 16
    images_per_class: int = 12
    rate: float = 1e-3
    decay: float = 0.05
    dropout: float = 0.5


def train_head(
    vectors: Float32[np.ndarray, "n trunk_dim"],
    labels: Int64[np.ndarray, " n"],
    domains: Int64[np.ndarray, " n"],
    objective: Objective,
    options: HeadOptions,
    *,
    seed: int = 0,
    watch: Watch = SILENT,
) -> Calibration:
    """A head as a calibration: what it learnt runs in NumPy from here on.

    Args:
        vectors: (n, trunk_dim) float32, L2-normalised; at least one.
        labels: (n,) class of each, from 0.
        domains: (n,) domain of each, −1 where it isn't known.
        objective: What it is trained with.
        options: How.
        seed: Of weights, batches and dropout.
        watch: Asked whether to go on.
    """
    before = Calibration((Power(), Normalise()))
    inputs = torch.from_numpy(before.apply(vectors))
    # Features of one scale: the length-one rows of 1280 features would start the layers far too small.
    centre, scale = inputs.mean(dim=0), inputs.std(dim=0, correction=0).mean().clamp(min=1e-6)
    loss_of = objective.build(options.dim, int(labels.max()) + 1, seed=seed)
    sampler = ClassDomainSampler(
        labels,
        domains,
        classes_per_batch=options.classes_per_batch,
        images_per_class=options.images_per_class,
        seed=seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = _head(inputs.shape[1], options)
        average = Averaged(head)
        optimiser = torch.optim.AdamW([*head.parameters(), *loss_of.parameters()], weight_decay=options.decay)
        for step in range(options.steps):
            if step % 20 == 0:
                watch.check()
            batch = sampler.batch(step)
            codes = torch.from_numpy(labels[batch]), torch.from_numpy(domains[batch])
            loss = loss_of(head((inputs[batch] - centre) / scale), *codes)
            _descend(optimiser, loss, rate_at(step, options.steps, options.rate))
            average.update(head, step)
    layers = [module for module in average.module.modules() if isinstance(module, nn.Linear)]
    return before.then(*_steps(layers, centre.numpy(), float(scale)))


def _descend(optimiser: torch.optim.Optimizer, loss: torch.Tensor, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
    optimiser.step()


def _head(inner: int, options: HeadOptions) -> nn.Sequential:
    if not options.hidden:
        return nn.Sequential(nn.Dropout(options.dropout), nn.Linear(inner, options.dim))
    return nn.Sequential(
        nn.Dropout(options.dropout),
        nn.Linear(inner, options.hidden),
        nn.ReLU(),
        nn.Linear(options.hidden, options.dim),
    )


def _steps(layers: list[nn.Linear], centre: np.ndarray, scale: float) -> list[Affine]:
    """The layers as affine maps, the scaling of their input folded into the first."""
    steps = []
    for number, layer in enumerate(layers):
        weight = layer.weight.detach().numpy().T.astype(np.float64)
        bias = layer.bias.detach().numpy().astype(np.float64)
        if number == 0:
            weight, bias = weight / scale, bias - (centre.astype(np.float64) / scale) @ weight
        steps.append(Affine(weight.astype(np.float32), bias.astype(np.float32), relu=number + 1 < len(layers)))
    return steps
