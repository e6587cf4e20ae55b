"""Front, then back, is the whole tower; what is trained in the back is trained in the tower."""

from __future__ import annotations

import copy

import pytest
import torch

from encoders import efficientnet_lite0
from encoders.open_clip_tower import FAMILY
from encoders.split import split
from encoders.tower import Tower
from tests.encoders.adaptation.towers import VISION, images_of, tower_of

TRANSFORMERS = [kind for kind in VISION if kind != "resnet"]


@pytest.fixture(scope="module")
def lite0() -> Tower:
    return efficientnet_lite0.packaged_tower()


@pytest.mark.parametrize("blocks", [1, 8, 16, 99, None])
def test_efficientnet_is_its_halves(lite0: Tower, blocks: int | None) -> None:
    module = lite0.build()
    halves = split(module, efficientnet_lite0.FAMILY, blocks)
    images = images_of(1, 32)
    with torch.inference_mode():
        torch.testing.assert_close(halves.back(halves.front(images)), module(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", TRANSFORMERS)
@pytest.mark.parametrize("blocks", [1, 2, 3, 9, None])
def test_a_transformer_is_its_halves(kind: str, blocks: int | None) -> None:
    module = tower_of(kind).build()
    halves = split(module, FAMILY, blocks)
    images = images_of(3, 32)
    with torch.inference_mode():
        torch.testing.assert_close(halves.back(halves.front(images)), module(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("blocks", [1, None])
def test_a_resnet_is_trained_as_a_whole(blocks: int | None) -> None:
    module = tower_of("resnet").build()
    halves = split(module, FAMILY, blocks)
    assert isinstance(halves.front, torch.nn.Identity)
    assert halves.back is module
    with torch.inference_mode():
        assert torch.equal(halves.back(halves.front(images_of(2, 64))), module(images_of(2, 64)))


@pytest.mark.parametrize("kind", [*TRANSFORMERS, "lite0"])
def test_every_parameter_belongs_to_exactly_one_half(kind: str, lite0: Tower) -> None:
    tower = lite0 if kind == "lite0" else tower_of(kind)
    module = tower.build()
    halves = split(module, str(tower.architecture["family"]), 2)
    front, back = ({id(one) for one in half.parameters()} for half in (halves.front, halves.back))
    assert not front & back
    assert front | back == {id(one) for one in module.parameters()}
    buffers = {id(one) for half in (halves.front, halves.back) for one in half.buffers()}
    assert buffers == {id(one) for one in module.buffers()}


@pytest.mark.parametrize("kind", [*VISION, "lite0"])
def test_what_is_trained_lands_in_the_tower(kind: str, lite0: Tower) -> None:
    """Also what lies outside of the blocks: the last norm, the pool, the projection."""
    tower = lite0 if kind == "lite0" else tower_of(kind)
    family = str(tower.architecture["family"])
    trained = split(copy.deepcopy(tower.build()), family, 1)
    images = images_of(2, 64 if kind == "resnet" else 32)
    trained.back(trained.front(images)).square().sum().backward()
    with torch.no_grad():
        for name, parameter in trained.back.named_parameters():
            assert parameter.grad is not None, name
            parameter.add_(0.01 * torch.randn_like(parameter))
    whole = copy.deepcopy(tower.build())
    split(whole, family, 1).back.load_state_dict(trained.back.state_dict())
    with torch.inference_mode():
        expected = trained.back(trained.front(images))
        torch.testing.assert_close(whole(images), expected, rtol=1e-5, atol=1e-6)
        assert not torch.allclose(tower.build()(images), expected)


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_a_copy_of_a_half_is_no_part_of_the_tower(kind: str) -> None:
    """As the running mean is one; and it moves to another device or type as a whole."""
    module = tower_of(kind).build()
    halves = split(module, FAMILY, 1)
    images = images_of(2, 32)
    with torch.inference_mode():
        expected = module(images)
        front, back = copy.deepcopy(halves.front).double(), copy.deepcopy(halves.back).double()
        torch.testing.assert_close(back(front(images.double())), expected.double(), rtol=1e-4, atol=1e-5)
        assert torch.equal(module(images), expected)


def test_no_block_is_no_training() -> None:
    with pytest.raises(ValueError, match="at least one"):
        split(tower_of("transformer").build(), FAMILY, 0)
