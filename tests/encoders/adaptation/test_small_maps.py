"""The detour around slow gradients gives torch's own numbers, and only what is slow takes it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from encoders.adaptation import small_maps
from encoders.adaptation.small_maps import SmallMaps


def gradients_of(module: nn.Module, images: torch.Tensor, *, at: torch.dtype) -> list[torch.Tensor]:
    """Output, gradient of the images and of each parameter."""
    module, given = module.to(at), images.to(at).requires_grad_()
    made = module(given)
    weights = torch.linspace(-1, 1, made.numel(), dtype=at).reshape(made.shape)
    return [made.detach(), *torch.autograd.grad((made * weights).sum(), [given, *module.parameters()])]


def depthwise(side: int, *, bias: bool = False, stride: int = 1, padding: int | None = None) -> nn.Conv2d:
    torch.manual_seed(0)
    padding = side // 2 if padding is None else padding
    return nn.Conv2d(6, 6, side, padding=padding, stride=stride, groups=6, bias=bias)


@pytest.fixture
def detours(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many weights' gradients went the detour."""
    seen: list[int] = []
    original = small_maps._weight_gradient
    monkeypatch.setattr(small_maps, "_weight_gradient", lambda *given: seen.append(1) or original(*given))
    return seen


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(4, 4), (1, 1), (2, 4), (3, 3)])
@pytest.mark.parametrize("side", [5, 7])
@pytest.mark.parametrize("last", [False, True])
def test_the_numbers_are_torchs_own(
    side: int, shape: tuple[int, int], bias: bool, last: bool, detours: list[int]
) -> None:
    images = torch.randn((3, 6, *shape), generator=torch.Generator().manual_seed(1))
    if last:
        images = images.contiguous(memory_format=torch.channels_last)
    expected = gradients_of(depthwise(side, bias=bias), images, at=torch.float64)
    with SmallMaps():
        found = gradients_of(depthwise(side, bias=bias), images, at=torch.float32)
    assert detours == [1]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (depthwise(5), (5, 5)),  # as large as the kernel
        (depthwise(3), (2, 2)),
        (depthwise(5, stride=2), (4, 4)),
        (depthwise(5, padding=1), (4, 4)),
        (nn.Conv2d(6, 4, 5, padding=2), (4, 4)),
        (nn.Conv2d(6, 6, 5, padding=2, groups=3), (4, 4)),
        (nn.Conv2d(6, 12, 5, padding=2, groups=6), (4, 4)),
    ],
)
def test_others_stay_as_they_are(module: nn.Module, shape: tuple[int, int], detours: list[int]) -> None:
    images = torch.randn((3, 6, *shape), generator=torch.Generator().manual_seed(1))
    expected = gradients_of(module, images, at=torch.float32)
    with SmallMaps():
        found = gradients_of(module, images, at=torch.float32)
    assert detours == []
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_float64_stays_as_it_is(detours: list[int]) -> None:
    images = torch.randn((3, 6, 4, 4), generator=torch.Generator().manual_seed(1))
    with SmallMaps():
        gradients_of(depthwise(5), images, at=torch.float64)
    assert detours == []
