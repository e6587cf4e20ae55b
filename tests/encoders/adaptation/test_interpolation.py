"""Between frozen and trained weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from encoders.adaptation.interpolation import interpolated


def block(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    made[1].running_mean.fill_(float(seed))
    return made


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_every_parameter_lies_on_the_line_from_the_frozen_to_the_trained_one(share: float) -> None:
    frozen, trained = block(1), block(2)
    made = interpolated(frozen, trained, share)
    for name, found in made.named_parameters():
        expected = (1 - share) * frozen.get_parameter(name) + share * trained.get_parameter(name)
        torch.testing.assert_close(found, expected)
    assert made[1].running_mean.tolist() == trained[1].running_mean.tolist()


def test_neither_of_the_two_is_altered() -> None:
    frozen, trained = block(1), block(2)
    interpolated(frozen, trained, 0.5)
    for kept, fresh in ((frozen, block(1)), (trained, block(2))):
        for ours, theirs in zip(kept.parameters(), fresh.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_a_share_is_between_none_and_all() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        interpolated(block(1), block(2), 1.1)


def test_modules_of_two_kinds_have_nothing_between_them() -> None:
    with pytest.raises(ValueError, match="argument"):
        interpolated(block(1), nn.Sequential(block(2), nn.Linear(2, 2)), 0.5)
