"""What the frozen front makes of several views of every image, computed once and kept for all the training."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy.typing import NDArray
from torch import nn

from encoders.adaptation.augmentation import Augmentation, view
from encoders.adaptation.examples import Examples
from encoders.adaptation.remembered import Remembered
from encoders.adaptation.watch import SILENT, Watch
from encoders.preprocess import Preprocessing

__all__ = ["Activations", "Inputs", "activations_of"]

_IMAGES_AT_ONCE = 16


class Inputs:
    """Views of the images as the tower's input. Each is drawn from (seed, image, number of the view).

    Args:
        examples: The images.
        preprocessing: Of the tower.
        augmentation: How far views stray.
        seed: Of the views.
    """

    def __init__(
        self, examples: Examples, preprocessing: Preprocessing, augmentation: Augmentation, *, seed: int = 0
    ) -> None:
        self._examples = examples
        self._preprocessing = preprocessing
        self._augmentation = augmentation
        self._seed = seed

    def views(self, place: int, count: int) -> Float32[np.ndarray, "views 3 side side"]:
        """The first views of an image; the very first is the image as queries are seen."""
        image = self._examples.image(place)
        made = [self._preprocessing.apply(image)]
        for number in range(1, count):
            rng = np.random.default_rng([self._seed, place, number])
            made.append(view(image, self._preprocessing, self._augmentation, rng))
        return np.stack(made)


class Activations:
    """Activations of views, in half precision: bfloat16 keeps their range.

    Args:
        kept: (images, views, …) bfloat16.
    """

    def __init__(self, kept: torch.Tensor) -> None:
        self._kept = kept

    @property
    def views(self) -> int:
        """How many of each image; number 0 is the image as queries are seen."""
        return self._kept.shape[1]

    def take(self, places: NDArray[np.int64], numbers: NDArray[np.int64]) -> torch.Tensor:
        """The chosen view of each image, (batch, …) float32."""
        return self._kept[torch.from_numpy(places), torch.from_numpy(numbers)].float()

    def clean(self, places: Int64[np.ndarray, " batch"]) -> torch.Tensor:
        """The images as queries are seen, (batch, …) float32."""
        return self.take(places, np.zeros(len(places), dtype=np.int64))


def activations_of(
    front: nn.Module,
    inputs: Inputs,
    count: int,
    views: int,
    *,
    device: str = "cpu",
    remembered: Remembered | None = None,
    watch: Watch = SILENT,
) -> Activations:
    """Run the front over some views of all images; decoding and drawing go on meanwhile in threads.

    Args:
        front: Frozen.
        inputs: The views.
        count: How many images.
        views: How many of each, at least 1.
        device: Where the front runs; the activations stay in main memory.
        remembered: Knows what an attempt before took for the faster precision: another would change what is learnt.
        watch: Told how many images are done, and asked whether to go on.
    """
    front = front.to(device).eval()
    remembered = remembered or Remembered(None)
    kept: torch.Tensor | None = None
    half = False
    done = 0
    for batch in _batches(inputs, count, views):
        watch.check()
        images = torch.from_numpy(batch.reshape(-1, *batch.shape[2:])).to(device)
        images = images.contiguous(memory_format=torch.channels_last)
        if kept is None:
            half = remembered.once("half", partial(_half_is_faster, front, images))
        made = _run(front, images, half=half).to(torch.bfloat16).cpu()
        made = made.reshape(len(batch), views, *made.shape[1:])
        if kept is None:
            kept = torch.empty((count, *made.shape[1:]), dtype=torch.bfloat16)
        kept[done : done + len(batch)] = made
        done += len(batch)
        watch.progress("activations", done, count, {})
    if kept is None:
        raise ValueError("there are no images")
    return Activations(kept)


def _run(front: nn.Module, images: torch.Tensor, *, half: bool) -> torch.Tensor:
    with torch.inference_mode(), torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=half):
        made: torch.Tensor = front(images)
    return made


def _half_is_faster(front: nn.Module, images: torch.Tensor) -> bool:
    """Whether this machine computes faster in bfloat16, which the activations are kept in anyway."""
    seconds = {}
    for half in (False, True):
        _run(front, images, half=half)  # the first run chooses kernels
        began = time.perf_counter()
        _run(front, images, half=half).sum().item()  # a device answers only when it is done
        seconds[half] = time.perf_counter() - began
    return seconds[True] < seconds[False]


def _batches(inputs: Inputs, count: int, views: int) -> Iterator[Float32[np.ndarray, "batch views 3 side side"]]:
    """Views of some images at a time, made a batch ahead."""
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="views") as threads:
        starts = iter(range(0, count, _IMAGES_AT_ONCE))
        ahead = [_begin(threads, inputs, start, count, views) for start in islice(starts, 2)]
        while ahead:
            batch = np.stack([future.result() for future in ahead.pop(0)])
            ahead += [_begin(threads, inputs, start, count, views) for start in islice(starts, 1)]
            yield batch


def _begin(threads: ThreadPoolExecutor, inputs: Inputs, start: int, count: int, views: int) -> list:  # type: ignore[type-arg]
    return [threads.submit(inputs.views, place, views) for place in range(start, min(start + _IMAGES_AT_ONCE, count))]
