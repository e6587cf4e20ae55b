"""Batch norms that are folded into the convolutions before them change nothing but the seconds."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from encoders.adaptation.folded_norms import folded
from encoders.efficientnet_lite0 import FAMILY, packaged_tower
from encoders.split import split


class Residual(nn.Module):
    """What the convolution gives goes around its norm, too, or not; children stand in another order than they run."""

    def __init__(self, *, around: bool) -> None:
        super().__init__()
        self.norm, self.convolution, self.around = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), around

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        made = self.convolution(images)
        normed: torch.Tensor = self.norm(made)
        return normed + made if self.around else normed


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def norms_of(module: nn.Module) -> int:
    return sum(isinstance(part, nn.BatchNorm2d) for part in module.modules())


def in_use(module: nn.Module) -> nn.Module:
    """With statistics and scales of its own at each norm."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for numbers in (part.running_mean, part.bias):
                assert numbers is not None
                nn.init.normal_(numbers)
            for numbers in (part.running_var, part.weight):
                assert numbers is not None
                nn.init.uniform_(numbers, 0.5, 2.0)
    return module.eval()


@torch.no_grad()
def test_the_front_of_efficientnet_gives_the_same_without_a_norm() -> None:
    front = split(packaged_tower().build(), FAMILY, 8).front.eval()
    before, probe, images = copy.deepcopy(front.state_dict()), torch.randn(2, 3, 64, 64), torch.randn(3, 3, 96, 96)
    made = folded(front, probe)
    assert norms_of(front) > 20
    assert norms_of(made) == 0
    torch.testing.assert_close(made(images), front(images), rtol=1e-4, atol=1e-4)
    for name, numbers in front.state_dict().items():
        assert torch.equal(numbers, before[name])


@torch.no_grad()
def test_a_norm_is_folded_into_the_convolution_that_ran_before_it() -> None:
    module, images = in_use(Residual(around=False)), torch.randn(4, 3, 5, 5)
    made = folded(module, images)
    assert norms_of(made) == 0
    torch.testing.assert_close(made(images), module(images))


def test_a_convolution_that_is_of_use_beside_its_norm_stays_as_it_is() -> None:
    module = in_use(Residual(around=True))
    assert folded(module, torch.randn(4, 3, 5, 5)) is module


@torch.no_grad()
def test_a_norm_behind_something_else_stays() -> None:
    module = in_use(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)))
    made, images = folded(module, torch.randn(4, 3, 5, 5)), torch.randn(4, 3, 5, 5)
    assert norms_of(made) == 1
    assert torch.equal(made(images), module(images))


def test_a_module_without_norms_isnt_even_run() -> None:
    module = nn.Linear(3, 4)
    assert folded(module, torch.randn(2, 7)) is module  # it doesn't take seven numbers
