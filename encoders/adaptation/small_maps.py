"""Depthwise convolutions of maps that are smaller than the kernel, whose weights' gradient a cpu is slow at.

For a 5×5 kernel on maps of 4×4, as the last blocks of a trunk have them at 128 px, oneDNN has no fast kernel for that
gradient: it takes 50 times what the forward pass takes, and half of a training step. A 3×3 kernel has one. So the
gradient is put together from those of 3×3 windows of the kernel, each by the same map shifted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["SmallMaps"]

_WINDOW = 3


class SmallMaps(TorchFunctionMode):
    """While it is entered, such convolutions of float32 on a cpu go the detour; the numbers are those of before, within
    rounding."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what was called."""
        given = dict(kwargs or {})
        if func is torch.conv2d and not given and _is_small_and_depthwise(args):
            images, weight, bias = args[:3]
            made = _Depthwise.apply(images, weight)
            return made if bias is None else made + bias.reshape(1, -1, 1, 1)
        return func(*args, **given)


class _Depthwise(torch.autograd.Function):
    """One filter a channel, stride 1, padded so that the maps keep their size."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(images, weight)
        return functional.conv2d(images, weight, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        images, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        of_images, of_weight = None, None
        if ctx.needs_input_grad[0]:
            of_images = _convolution_backward(gradient, images, weight, weight.shape[-1] // 2, (True, False, False))[0]
        if ctx.needs_input_grad[1]:
            of_weight = _weight_gradient(gradient, images, weight.shape[-1])
        return of_images, of_weight


def _weight_gradient(
    gradient: Float[torch.Tensor, "batch channels height width"],
    images: Float[torch.Tensor, "batch channels height width"],
    side: int,
) -> Float[torch.Tensor, "channels 1 side side"]:
    channels, height, width = images.shape[1:]
    padded = functional.pad(images, (side // 2,) * 4)
    made = images.new_empty(channels, 1, side, side)
    window = images.new_empty(channels, 1, _WINDOW, _WINDOW)  # of which only the shape is asked for
    for top in range(0, side - 2, 2):
        for left in range(0, side - 2, 2):
            part = padded[:, :, top : top + height + 2, left : left + width + 2]
            part = part.contiguous(memory_format=torch.channels_last)
            found = _convolution_backward(gradient, part, window, 0, (False, True, False))[1]
            made[:, :, top : top + _WINDOW, left : left + _WINDOW] = found
    return made


def _convolution_backward(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, padding: int, wanted: tuple[bool, bool, bool]
) -> tuple[Any, Any, Any]:
    return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
        gradient, images, weight, None, (1, 1), (padding, padding), (1, 1), False, (0, 0), len(weight), wanted
    )


def _is_small_and_depthwise(args: tuple[Any, ...]) -> bool:
    """Whether these arguments of a convolution, as `nn.Conv2d` gives them, are of the kind that is slow."""
    images, weight = args[:2]
    if images.ndim != 4 or weight.ndim != 4 or images.dtype != torch.float32 or images.device.type != "cpu":
        return False
    channels, per_filter, side, other = weight.shape
    if per_filter != 1 or channels != images.shape[1] or side != other or side <= _WINDOW or not side % 2:
        return False
    kept = args[3:] == ((1, 1), (side // 2, side // 2), (1, 1), channels)
    return kept and max(images.shape[2:]) < side
