"""Products in bfloat16 differ from float32 by its rounding and no more, and nothing else is touched."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from encoders.adaptation.half_products import HalfProducts


def module_of(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return {
        "linear": lambda: nn.Linear(12, 7),
        "linear without bias": lambda: nn.Linear(12, 7, bias=False),
        "pointwise": lambda: nn.Conv2d(12, 7, 1),
        "depthwise": lambda: nn.Conv2d(12, 12, 3, padding=1, groups=12),
        "wide": lambda: nn.Conv2d(12, 7, 3),
        "strided pointwise": lambda: nn.Conv2d(12, 7, 1, stride=2),
        "padded pointwise": lambda: nn.Conv2d(12, 7, 1, padding=1),
        "grouped pointwise": lambda: nn.Conv2d(12, 12, 1, groups=3),
    }[kind]()


def run(module: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The output, and the gradients of inputs and parameters."""
    given = inputs.clone().requires_grad_()
    made = module(given)
    weights = torch.linspace(-1, 1, made.numel(), dtype=made.dtype).reshape(made.shape)
    return made.detach(), list(torch.autograd.grad((made * weights).sum(), [given, *module.parameters()]))


def inputs_of(kind: str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (5, 12) if kind.startswith("linear") else (5, 12, 6, 4)
    return torch.randn(shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize("kind", ["linear", "linear without bias", "pointwise"])
def test_products_are_rounded_to_bfloat16_forwards_and_backwards(kind: str) -> None:
    module, inputs = module_of(kind), inputs_of(kind)
    expected, gradients = run(module, inputs)
    with HalfProducts():
        made, found = run(module, inputs)
    assert made.dtype == torch.float32
    assert not torch.equal(made, expected)
    torch.testing.assert_close(made, expected, rtol=0.03, atol=0.03)
    for one, other in zip(found, gradients, strict=True):
        assert one.dtype == torch.float32
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05 * float(other.abs().max()))


@pytest.mark.parametrize("kind", ["depthwise", "wide", "strided pointwise", "padded pointwise", "grouped pointwise"])
def test_other_convolutions_stay_as_they_are(kind: str) -> None:
    module, inputs = module_of(kind), inputs_of(kind)
    expected, gradients = run(module, inputs)
    with HalfProducts():
        made, found = run(module, inputs)
    assert torch.equal(made, expected)
    assert all(torch.equal(one, other) for one, other in zip(found, gradients, strict=True))


@pytest.mark.parametrize("kind", ["linear", "pointwise"])
def test_who_computes_in_float64_goes_on_doing_so(kind: str) -> None:
    module, inputs = module_of(kind).double(), inputs_of(kind, torch.float64)
    expected, _ = run(module, inputs)
    with HalfProducts():
        made, _ = run(module, inputs)
    assert torch.equal(made, expected)


def test_a_format_of_memory_is_kept() -> None:
    module, inputs = module_of("pointwise"), inputs_of("pointwise").contiguous(memory_format=torch.channels_last)
    with HalfProducts():
        assert module(inputs).is_contiguous(memory_format=torch.channels_last)


def test_outside_of_it_everything_is_as_before() -> None:
    weight, inputs = torch.eye(3), torch.tensor([[1.0001, 2.0, 3.0]])
    with HalfProducts():
        assert functional.linear(inputs, weight)[0, 0] == 1.0
    assert functional.linear(inputs, weight)[0, 0] == inputs[0, 0]
