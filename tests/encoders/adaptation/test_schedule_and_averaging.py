"""The learning rate over a training, and the running mean of the weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from encoders.adaptation.averaging import Averaged
from encoders.adaptation.schedule import rate_at


@pytest.mark.parametrize("steps", [1, 2, 10, 100, 400])
def test_the_rate_rises_then_falls_and_never_vanishes(steps: int) -> None:
    rates = [rate_at(step, steps, 0.5) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert all(0 < rate <= 0.5 for rate in rates)
    assert top < max(1, round(0.06 * steps))


def test_the_rate_is_half_a_cosine_behind_the_warm_up() -> None:
    assert rate_at(50, 100, 2.0) == pytest.approx(1.0)
    assert rate_at(75, 100, 2.0) == pytest.approx(1 + math.cos(0.75 * math.pi))
    assert rate_at(0, 100, 2.0) == pytest.approx(2.0 / 6)


def test_the_average_remembers_more_the_longer_it_has_run() -> None:
    module = nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.zero_()
    average = Averaged(module, memory=0.5)
    expected = 0.0
    for step, value in enumerate([3.0, -1.0, 4.0, 8.0, 2.0, 5.0, 5.0, 5.0, 1.0, 9.0]):
        with torch.no_grad():
            module.weight.fill_(value)
        average.update(module, step)
        kept = min(0.5, (step + 1) / (step + 10))
        expected = kept * expected + (1 - kept) * value
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)


def test_the_average_is_a_copy_without_gradients_in_evaluation_mode() -> None:
    module = nn.Sequential(nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last), nn.BatchNorm2d(2)).train()
    average = Averaged(module)
    assert not average.module.training
    assert module.training
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    before = module[0].weight.clone()
    average.update(module, 0)
    torch.testing.assert_close(average.module[0].weight, before)
    assert average.module[0].weight.data_ptr() != module[0].weight.data_ptr()
