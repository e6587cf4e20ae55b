"""Mixed styles: whose statistics the maps have, what gradients see, and what the generator decides."""

from __future__ import annotations

import pytest
import torch

from encoders.adaptation.style import mixed_styles


def maps_of(seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    scale, shift = torch.rand(6, 5, 1, 1, generator=draw) + 0.5, torch.randn(6, 5, 1, 1, generator=draw)
    return torch.randn(6, 5, 4, 4, generator=draw) * scale + shift


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_channel_has_a_mean_between_its_own_and_another_images() -> None:
    maps = maps_of()
    mixed = mixed_styles(maps, generator(3), probability=1.0)
    own, new = maps.mean(dim=(2, 3)), mixed.mean(dim=(2, 3))
    wide, new_wide = maps.std(dim=(2, 3), correction=0), mixed.std(dim=(2, 3), correction=0)
    for image in range(6):
        fits = []
        for other in range(6):
            # One share explains every channel's mean and deviation.
            there = torch.cat([own[other] - own[image], wide[other] - wide[image]])
            here = torch.cat([new[image] - own[image], new_wide[image] - wide[image]])
            share = float(here @ there / (there @ there)) if other != image else 0.0
            fits.append(-1e-4 <= share <= 1 + 1e-4 and torch.allclose(here, share * there, atol=1e-3))
        assert any(fits)
    # The content stays: within a channel, what is brighter is brighter still.
    assert torch.equal(mixed.flatten(2).argsort(dim=2), maps.flatten(2).argsort(dim=2))


def test_gradients_flow_through_the_content_not_through_the_styles() -> None:
    maps = maps_of().requires_grad_()
    mixed_styles(maps, generator(3), probability=1.0).sum().backward()
    plain = maps_of()
    new = mixed_styles(plain, generator(3), probability=1.0).std(dim=(2, 3), correction=0, keepdim=True)
    expected = (new / plain.std(dim=(2, 3), correction=0, keepdim=True)).expand_as(plain)
    torch.testing.assert_close(maps.grad, expected, rtol=1e-3, atol=1e-4)


def test_the_generator_alone_decides() -> None:
    torch.manual_seed(1)
    one = mixed_styles(maps_of(), generator(3), probability=1.0)
    torch.manual_seed(2)
    assert torch.equal(one, mixed_styles(maps_of(), generator(3), probability=1.0))
    assert not torch.equal(one, mixed_styles(maps_of(), generator(4), probability=1.0))


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_batches_are_mixed_as_often_as_was_asked(probability: float) -> None:
    draws = generator(0)
    maps = maps_of()
    mixed = sum(not torch.equal(mixed_styles(maps, draws, probability=probability), maps) for _ in range(300))
    assert mixed / 300 == pytest.approx(probability, abs=0.08)


def test_flat_maps_stay_finite() -> None:
    maps = torch.ones(4, 2, 3, 3, requires_grad=True)
    mixed = mixed_styles(maps, generator(0), probability=1.0)
    mixed.sum().backward()
    assert mixed.isfinite().all()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
