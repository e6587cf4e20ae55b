"""Fine-tuning as a depth: one cache of activations, a short training for each fold, and a long one on everything."""

from __future__ import annotations

import copy
import hashlib
import logging
import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import nn

from encoders import efficientnet_lite0
from encoders.adaptation.activations import Activations, LaterActivations, activations_of
from encoders.adaptation.augmentation import Augmentation
from encoders.adaptation.compiling import Pace, compiler_there, compiling_pays
from encoders.adaptation.depths import Sides, Space
from encoders.adaptation.encoded import encoded, seconds_to_encode
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune import Finetuning
from encoders.adaptation.finetune_options import FinetuneOptions
from encoders.adaptation.fitting_part import fitting_part
from encoders.adaptation.folds import Fold, most_judged
from encoders.adaptation.half_products import half_products_faster
from encoders.adaptation.inputs import Inputs
from encoders.adaptation.interpolation import interpolated
from encoders.adaptation.ranks import ALONE, Ranks
from encoders.adaptation.remembered import Remembered
from encoders.adaptation.watch import Watch
from encoders.beside_frozen import beside_frozen
from encoders.calibration.calibration import IDENTITY
from encoders.objectives.objective import Objective
from encoders.preprocess import Preprocessing
from encoders.split import split
from encoders.tower import Tower
from encoders.trained_tower import trained_tower

__all__ = ["Finetune"]

_log = logging.getLogger("encoders.adaptation")

_TRIAL_STEPS = 3
_OF_A_FOLD = 0.25  # of the steps; enough to tell which closed form suits such a trunk
# Half of what four times the steps and the domain that was held out brought on PACS cartoon: accuracy .736 to .774.
_CREDIT = 0.02
_WORTH_ROUNDING = 0.9
_OF_SERVED = 0.2  # of the memory: one view of a side of 160 against six of 128
_OF_TIME = 0.5  # of what is left of the budget: views are to be trained on


class Finetune:
    """The last blocks of the trunk, trained.

    Args:
        base: The tower that is trained on.
        examples: The images.
        objective: What it is trained with.
        options: How.
        augmentation: How far views of an image stray.
        seed: Of everything that is drawn.
        device: Where it is trained.
        folder: Where checkpoints are kept; None for nowhere.
        watch: Told of every step.
        ranks: The processes that share the trainings; this one is rank 0.

    Attributes:
        steps: Of the training on everything.
        compiled: Whether backs are compiled.
        half_products: Whether a cpu multiplies in bfloat16 while backs are trained.
        end: Moment (`time.monotonic`) by which trainings shall have ended; what follows them needs the rest.
    """

    name, credit = "finetune", _CREDIT

    def __init__(
        self,
        base: Tower,
        examples: Examples,
        objective: Objective,
        options: FinetuneOptions,
        augmentation: Augmentation,
        *,
        seed: int,
        device: str,
        folder: Path | None,
        watch: Watch,
        ranks: Ranks = ALONE,
    ) -> None:
        self._base, self._examples, self._objective, self._options = base, examples, objective, options
        self._seed, self._folder, self._watch, self._ranks = seed, folder, watch, ranks
        self._device = ranks.device or device
        self._preprocessing = _at(base, options.side)
        self._served = _at(base, options.served_side or options.side)
        self._augmentation = augmentation
        self._module = base.build()
        self._activations: Activations | None = None
        self._clean: Activations | None = None
        self.steps, self.compiled, self.half_products = 0, False, False
        self.end = math.inf
        self._final: Space | None = None

    def prepare(self, folds: int = 0, end: float = math.inf) -> None:
        """Run the frozen front over the images as they are served, and over every view once a training asks for it: the
        longest single part of a short one, spared where all have ended in an attempt before.

        Args:
            folds: How many; behind each training images are encoded.
            end: Moment (`time.monotonic`) by which everything shall have ended.
        """
        self.end = end
        memory = self._options.cache_bytes
        if self._served == self._preprocessing:
            self._clean = self._activations = self._activations_of(self._preprocessing, self._options.views, memory)
        else:
            self._clean = self._activations_of(self._served, 1, int(_OF_SERVED * memory))
            left = memory - int(_OF_SERVED * memory)
            self._activations = LaterActivations(
                lambda: self._activations_of(self._preprocessing, self._options.views, left)
            )
        if math.isfinite(end):
            count = len(self._examples)
            self.end -= (1 + folds * most_judged(count) / count) * self._seconds_of_vectors(self._clean)

    def _activations_of(self, preprocessing: Preprocessing, views: int, most_bytes: int) -> Activations:
        seconds = max(0.0, _OF_TIME * (self.end - time.monotonic()))
        return activations_of(
            split(self._fresh(), self._family, self._options.blocks).front,
            Inputs(self._examples, preprocessing, self._augmentation, seed=self._seed),
            len(self._examples),
            views,
            most_bytes=most_bytes,
            most_seconds=None if math.isinf(seconds) else seconds,
            device=self._device,
            remembered=Remembered(self._folder),
            remembered_as=f"views_at_{preprocessing.size}",
            watch=self._watch,
        )

    def trainings(self, folds: int) -> float:
        """How many trainings on everything the whole amounts to, the short ones of the folds in it."""
        return 1 + folds * _OF_A_FOLD

    @property
    def fold_steps(self) -> int:
        """Of the training of a fold."""
        return max(1, round(_OF_A_FOLD * self.steps))

    def settle_memory(self) -> None:
        """Take batches in parts where the device's memory doesn't hold one with its graph: the gradients are the same.

        Raises:
            torch.OutOfMemoryError: It doesn't hold one image.
        """
        if self._has_own_memory and not self._ranks.several:  # the others would wait for the one that gave up
            measured = partial(fitting_part, self._options.batch, self._step_by, first=self._options.micro_batch)
            part = Remembered(self._folder).once("micro_batch", measured)
            self._options = replace(self._options, micro_batch=part)

    @property
    def _has_own_memory(self) -> bool:
        """Whether the device says so when its memory is full; a cpu's process is killed."""
        return torch.device(self._device).type == "cuda"

    def _step_by(self, part: int) -> None:
        options = replace(self._options, micro_batch=part)
        self._training("trial", np.arange(len(self._examples)), 1, folder=None, compiled=False, options=options).run()

    def settle_precision(self) -> None:
        """Multiply in bfloat16 where this cpu is faster so, by enough to be worth the rounding."""
        if torch.device(self._device).type == "cpu" and not self._ranks.several:
            self.half_products = Remembered(self._folder).once("half_products", self._half_is_faster)

    def _half_is_faster(self) -> bool:
        if not half_products_faster():
            return False
        exact = self._tried().each
        self.half_products = True
        return self._tried().each < _WORTH_ROUNDING * exact

    def seconds_a_step(self) -> float:
        """How long a step takes here, measured on a few that are thrown away."""
        return self._tried().each

    def settle_compiling(self, trainings: float | int) -> None:
        """Compile backs where that saves time here; only a CUDA device is asked, and only where there is a C compiler.

        Args:
            trainings: How many of `steps` each the whole amounts to.
        """
        if self._options.compile and torch.device(self._device).type == "cuda" and compiler_there():
            self.compiled = Remembered(self._folder).once("compiled", partial(self._compiling_pays, trainings))

    def _compiling_pays(self, trainings: float | int) -> bool:
        plain = self._tried()  # what fails here is no fault of the compiler
        try:
            return compiling_pays(self.steps, trainings, plain=lambda: plain, compiled=partial(self._tried, True))
        except (RuntimeError, OSError, ImportError) as error:  # the compiler's own errors, and a memory that is full
            _log.warning("backs are trained as they are, as compiling failed: %s: %s", type(error).__name__, error)
            return False

    def _tried(self, compiled: bool = False) -> Pace:
        everything = np.arange(len(self._examples))
        trial = self._training("trial", everything, _TRIAL_STEPS + 1, folder=None, compiled=compiled)
        moments = [time.monotonic()]
        trial.run(watch=Watch(lambda *_: moments.append(time.monotonic()), self._watch.check))
        return Pace(first=moments[1] - moments[0], each=(moments[-1] - moments[1]) / _TRIAL_STEPS)

    def sides_of(self, fold: Fold) -> Sides:
        """Both sides by a trunk that learnt from one."""
        back, (near, held) = self._trained(f"without {fold.name}", fold.learn, self.fold_steps), fold.judged()
        vectors = self._vectors(back, np.concatenate([near, held]))
        return vectors[: len(near)], vectors[len(near) :]

    def final(self) -> Space:
        """All images by a trunk that learnt from all of them; the same each time."""
        if self._final is None:
            back, module = self._trained("all domains", np.arange(len(self._examples)), self.steps), self._fresh()
            split(module, self._family, self._options.blocks).back.load_state_dict(back.state_dict())
            tower = trained_tower(self._base, module, preprocessing=self._served)
            self._final = Space(tower, IDENTITY, self._vectors(back))
        return self._final

    def beside_frozen(self) -> Tower:
        """The frozen trunk and the one that learnt from all images, in one tower."""
        trained = self.final().trunk
        assert trained is not None  # noqa: S101 -- it was trained
        return beside_frozen(self._base, trained, self._options.blocks)

    @property
    def _family(self) -> str:
        return str(self._base.architecture["family"])

    def _fresh(self) -> nn.Module:
        return copy.deepcopy(self._module).to(memory_format=torch.channels_last)

    def _training(
        self,
        name: str,
        places: np.ndarray,
        steps: int,
        *,
        folder: Path | None,
        compiled: bool,
        options: FinetuneOptions | None = None,
    ) -> Finetuning:
        if self._activations is None:
            self.prepare()
        assert self._activations is not None  # noqa: S101 -- prepared above
        return Finetuning(
            split(self._fresh(), self._family, self._options.blocks).back,
            self._activations,
            places,
            self._examples.labels,
            self._examples.domains,
            dim=self._base.dim,
            objective=self._objective,
            options=options or self._options,
            steps=steps,
            seed=self._seed,
            device=self._device,
            # Of a digest: a domain may be called anything, and longer than a file may.
            folder=None if folder is None else folder / hashlib.sha256(name.encode()).hexdigest()[:16],
            compiled=compiled,
            half_products=self.half_products,
            ranks=self._ranks,
            origin={"architecture": dict(self._base.architecture), "blocks": self._options.blocks},
        )

    def _frozen_back(self) -> nn.Module:
        return split(self._fresh(), self._family, self._options.blocks).back.to(self._device).eval()

    def _trained(self, name: str, places: np.ndarray, steps: int) -> nn.Module:
        training = self._training(name, places, steps, folder=self._folder, compiled=self.compiled)
        back = training.run(name=f"fine-tuning, {name}", watch=self._watch)
        return interpolated(self._frozen_back(), back, self._options.trained_share)

    def _vectors(self, back: nn.Module, places: Int64[np.ndarray, " n"] | None = None) -> Float32[np.ndarray, "n dim"]:
        assert self._clean is not None  # noqa: S101 -- prepared before
        chosen = np.arange(len(self._examples)) if places is None else places
        return encoded(back, self._clean, chosen, device=self._device, watch=self._watch)

    def _seconds_of_vectors(self, clean: Activations) -> float:
        return seconds_to_encode(self._frozen_back(), clean, len(self._examples), device=self._device)


def _at(base: Tower, side: int | None) -> Preprocessing:
    """The side that is asked for, where the tower takes any; most of open_clip have an embedding for each place."""
    if side is None or base.architecture["family"] != efficientnet_lite0.FAMILY:
        return base.preprocessing
    return replace(base.preprocessing, size=side)
