"""What the frozen front makes of views of the images: computed once and kept for all the training, if memory allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import nn

from encoders.adaptation.folded_norms import folded
from encoders.adaptation.inputs import Inputs
from encoders.adaptation.remembered import Remembered
from encoders.adaptation.watch import SILENT, Watch

__all__ = ["Activations", "KeptActivations", "LaterActivations", "LiveActivations", "activations_of"]

_PROBED = 16  # images
_LOOKED_THROUGH = 2  # images; all that the layers make of them is in memory at once
_BYTES = 2  # of a bfloat16
_FEWEST_VIEWS = 2  # kept views of fewer would teach the training nothing of augmentation
_LIVE_VIEWS = 1 << 20
_AT_ONCE_ON_CPU = 16  # images; what a layer makes of more doesn't fit the caches: 96 took half as long again an image


@runtime_checkable
class Activations(Protocol):
    """Activations of views, in half precision: bfloat16 keeps their range."""

    def views(self) -> int:
        """How many of each image; number 0 is the image as queries are seen."""

    def take(self, places: NDArray[np.int64], numbers: NDArray[np.int64]) -> torch.Tensor:
        """The chosen view of each image, (batch, …) float32."""

    def clean(self, places: Int64[np.ndarray, " batch"]) -> torch.Tensor:
        """The images as queries are seen, (batch, …) float32."""


class KeptActivations:
    """Activations in memory: see `Activations`.

    Args:
        kept: (images, views, …) bfloat16.
    """

    def __init__(self, kept: torch.Tensor) -> None:
        self._kept = kept

    def views(self) -> int:
        """How many are kept of each image."""
        return self._kept.shape[1]

    def take(self, places: NDArray[np.int64], numbers: NDArray[np.int64]) -> torch.Tensor:
        """The chosen view of each image, (batch, …) float32."""
        return self._kept[torch.from_numpy(places), torch.from_numpy(numbers)].float()

    def clean(self, places: Int64[np.ndarray, " batch"]) -> torch.Tensor:
        """The images as queries are seen, (batch, …) float32."""
        return self.take(places, np.zeros(len(places), dtype=np.int64))


class LiveActivations:
    """Activations made when they are asked for: for pools that no memory holds. See `Activations`.

    Args:
        front: Frozen, on the device.
        inputs: The views.
        device: Where the front runs.
        half: Whether it computes in bfloat16.
    """

    def __init__(self, front: nn.Module, inputs: Inputs, device: str, *, half: bool) -> None:
        self._front, self._inputs, self._device, self._half = front, inputs, device, half

    def views(self) -> int:
        """So many that none is seen twice."""
        return _LIVE_VIEWS

    def take(self, places: NDArray[np.int64], numbers: NDArray[np.int64]) -> torch.Tensor:
        """The chosen view of each image, (batch, …) float32."""
        images = _images(self._inputs.batch(places, numbers), self._device)
        return _run(self._front, images, half=self._half).cpu().float()

    def clean(self, places: Int64[np.ndarray, " batch"]) -> torch.Tensor:
        """The images as queries are seen, (batch, …) float32."""
        return self.take(places, np.zeros(len(places), dtype=np.int64))


class LaterActivations:
    """Activations that are made when some are first taken: a training that has ended takes none. See `Activations`.

    Args:
        make: Makes them.
    """

    def __init__(self, make: Callable[[], Activations]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Activations:
        return self._make()

    def views(self) -> int:
        """How many of each image."""
        return self._made.views()

    def take(self, places: NDArray[np.int64], numbers: NDArray[np.int64]) -> torch.Tensor:
        """The chosen view of each image, (batch, …) float32."""
        return self._made.take(places, numbers)

    def clean(self, places: Int64[np.ndarray, " batch"]) -> torch.Tensor:
        """The images as queries are seen, (batch, …) float32."""
        return self._made.clean(places)


def activations_of(
    front: nn.Module,
    inputs: Inputs,
    count: int,
    views: int,
    *,
    most_bytes: int | None = None,
    most_seconds: float | None = None,
    device: str = "cpu",
    remembered: Remembered | None = None,
    remembered_as: str = "views",
    watch: Watch = SILENT,
) -> Activations:
    """Run the front over some views of all images; decoding and drawing go on meanwhile in threads.

    Args:
        front: Frozen.
        inputs: The views.
        count: How many images.
        views: How many of each, at least 1.
        most_bytes: That may be kept; None for any number. Where the views don't fit, fewer are kept; where not even
            two do, none is, and each is made when it is asked for.
        most_seconds: That making them may take, by the pace of a few; None for any time. As `most_bytes`.
        device: Where the front runs; the activations stay in main memory.
        remembered: Knows what an attempt before took for the faster precision, and how many views it kept: others would
            change what is learnt.
        remembered_as: Name of that number.
        watch: Told how many images are done, and asked whether to go on.

    Raises:
        ValueError: There are no images.
    """
    if not count:
        raise ValueError("there are no images")
    some = np.arange(min(count, _PROBED))
    probe = _images(inputs.batch(some, np.zeros_like(some)), "cpu")
    front, probe = folded(front.cpu().eval(), probe[:_LOOKED_THROUGH]).to(device), probe.to(device)
    known = remembered or Remembered(None)
    half = known.once("half", partial(_half_is_faster, front, probe))
    shape = _run(front, probe[:1], half=half).shape[1:]

    def fitting() -> int:
        limits = [views]
        if most_bytes is not None:
            limits.append(most_bytes // (count * shape.numel() * _BYTES))
        if most_seconds is not None:
            began = time.perf_counter()  # decoding, drawing and the front
            _run(front, _images(inputs.batch(some, np.full_like(some, views - 1)), device), half=half).sum().item()
            limits.append(int(most_seconds / (time.perf_counter() - began) * len(some) / count))
        return min(limits)

    kept_views = known.once(remembered_as, fitting)
    if kept_views < min(views, _FEWEST_VIEWS):
        return LiveActivations(front, inputs, device, half=half)
    kept = torch.empty((count, kept_views, *shape), dtype=torch.bfloat16)
    done = 0
    for batch in inputs.batches(count, kept.shape[1]):
        watch.check()
        made = _run(front, _images(batch.reshape(-1, *batch.shape[2:]), device), half=half).cpu()
        kept[done : done + len(batch)] = made.reshape(len(batch), -1, *shape)
        done += len(batch)
        watch.progress("activations", done, count, {})
    return KeptActivations(kept)


def _images(pixels: NDArray[np.float32], device: str) -> torch.Tensor:
    return torch.from_numpy(pixels).to(device).contiguous(memory_format=torch.channels_last)


def _run(front: nn.Module, images: torch.Tensor, *, half: bool) -> torch.Tensor:
    with torch.inference_mode(), torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=half):
        at_once = _AT_ONCE_ON_CPU if images.device.type == "cpu" else len(images)
        made = torch.cat([front(part) for part in torch.split(images, at_once)])
    return made.to(torch.bfloat16, copy=True)  # a tensor of inference mode couldn't be trained on


def _half_is_faster(front: nn.Module, images: torch.Tensor) -> bool:
    """Whether this machine computes faster in bfloat16, which the activations are kept in anyway."""
    seconds = {}
    for half in (False, True):
        _run(front, images, half=half)  # the first run chooses kernels
        began = time.perf_counter()
        _run(front, images, half=half).sum().item()  # a device answers only when it is done
        seconds[half] = time.perf_counter() - began
    return seconds[True] < seconds[False]
