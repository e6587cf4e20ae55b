"""Matrix products in bfloat16 on a cpu that computes them faster, for training; all else stays in float32.

`torch.autocast` would take depthwise convolutions along, whose gradients in bfloat16 are many times slower on a cpu.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["HalfProducts", "half_products_faster"]

_ROWS, _WIDTH, _LENGTH, _TIMES = 2048, 192, 1152, 3  # of one product of a trunk's last blocks


class HalfProducts(TorchFunctionMode):
    """While it is entered, linear maps and 1×1 convolutions multiply in bfloat16 and add up in float32.

    Parameters, activations between the products and gradients stay in float32.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what was called, in half precision where that is known to be faster."""
        given = dict(kwargs or {})
        if func is functional.linear and not given and args[0].dtype == torch.float32:
            return _linear(*args)
        if func is torch.conv2d and not given and _is_pointwise(args):
            images, weight, bias = args[:3]
            return _linear(images.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
        return func(*args, **given)


def half_products_faster() -> bool:
    """Whether one product is faster in bfloat16 here: milliseconds, where a cpu without instructions for it may take
    minutes for a few steps."""
    inputs, weight = torch.ones(_ROWS, _WIDTH), torch.ones(_LENGTH, _WIDTH)
    exact = min(_seconds(functional.linear, inputs, weight) for _ in range(_TIMES))
    return min(_seconds(_linear, inputs, weight) for _ in range(_TIMES)) < exact


def _seconds(product: Callable[..., torch.Tensor], *given: torch.Tensor) -> float:
    began = time.perf_counter()
    product(*given)
    return time.perf_counter() - began


def _linear(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    made = functional.linear(inputs.to(torch.bfloat16), weight.to(torch.bfloat16)).float()
    return made if bias is None else made + bias


def _is_pointwise(args: tuple[Any, ...]) -> bool:
    """Whether these arguments of a convolution, as `nn.Conv2d` gives them, make it a linear map of each pixel."""
    images, weight = args[:2]
    rest = args[3:]  # stride, padding, dilation, groups
    plain = rest in ((), ((1, 1), (0, 0), (1, 1), 1))
    return plain and weight.shape[2:] == (1, 1) and images.dtype == torch.float32
