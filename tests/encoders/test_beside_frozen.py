"""A trained tower beside the frozen one gives what each of them gives, comes back from disk, and exports."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from encoders import beside_frozen as beside
from encoders.beside_frozen import beside_frozen
from encoders.beside_frozen_module import BesideFrozen
from encoders.calibration.calibration import IDENTITY
from encoders.catalog import load_encoder
from encoders.efficientnet_lite0 import packaged_tower
from encoders.normalise import directed
from encoders.runtime.onnx_export import check_agreement, export_module
from encoders.split import split
from encoders.store import load_stored, save_adapted
from encoders.stored_description import adapted_description
from encoders.tower import Tower
from encoders.trained_tower import trained_tower
from invariantselect.errors import StoreCorruptError
from tests.encoders.adaptation.towers import VISION, images_of, tower_of
from tests.encoders.adapted import KEY, lineage_of
from tests.encoders.pictures import scene


def trained(base: Tower, blocks: int | None, side: int | None = None) -> Tower:
    """The tower with another back."""
    module = copy.deepcopy(base.build())
    with torch.no_grad():
        for parameter in split(module, base.architecture["family"], blocks).back.parameters():
            parameter.mul_(0.9).add_(0.01)
    return trained_tower(base, module, preprocessing=replace(base.preprocessing, size=side or base.preprocessing.size))


def saved(store: Path, tower: Tower) -> Path:
    directory = store / KEY / "2"
    save_adapted(directory, name=f"{KEY}/2", version="2", trunk=tower, lineage=lineage_of())
    return directory


@pytest.mark.parametrize("blocks", [1, 2, None])
@pytest.mark.parametrize("kind", VISION)
def test_it_gives_both_vectors(kind: str, blocks: int | None, tmp_path: Path) -> None:
    base = tower_of(kind)
    other = trained(base, blocks)
    tower = beside_frozen(base, other, blocks)
    images = images_of(3, base.preprocessing.size)
    with torch.inference_mode():
        expected = [directed(one.build()(images).numpy()) for one in (base, other)]
        found = tower.build()(images).numpy()
    assert tower.dim == 2 * base.dim
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-5)
    stored = load_stored(saved(tmp_path, tower)).trunk
    assert isinstance(stored, Tower)
    assert stored.fingerprint() == tower.fingerprint()
    with torch.inference_mode():
        assert np.array_equal(stored.build()(images).numpy(), found)


@pytest.mark.parametrize("side", [160, 224, 256])
def test_each_sees_an_image_at_its_own_size(side: int, tmp_path: Path) -> None:
    base = packaged_tower()
    other = trained(base, 8, side)
    tower = beside_frozen(base, other, 8)
    assert tower.preprocessing == base.preprocessing
    stored = load_stored(saved(tmp_path, tower)).trunk
    assert isinstance(stored, Tower)
    assert stored.fingerprint() == tower.fingerprint()
    picture = Image.fromarray(scene(400, 300))
    with torch.inference_mode():
        found = stored.build()(torch.from_numpy(tower.preprocessing.apply(picture))[None])[0].numpy()
        for place, one in enumerate((base, other)):
            alone = directed(one.build()(torch.from_numpy(one.preprocessing.apply(picture))[None]).numpy())[0]
            half = found[place * base.dim : (place + 1) * base.dim]
            assert half @ alone > (0.99 if place and side != 224 else 0.99999)  # its pixels are resized twice


@pytest.mark.parametrize("to", [16, 24, 40])
def test_an_image_is_resized_as_pillow_does(to: int) -> None:
    grey = np.random.default_rng(0).random((24, 24), dtype=np.float32)
    found = BesideFrozen(nn.Identity(), nn.Identity(), sides=(24, to)).resizing
    assert found is not None
    expected = np.asarray(Image.fromarray(grey).resize((to, to), Image.Resampling.BICUBIC))
    np.testing.assert_allclose((found @ torch.from_numpy(grey) @ found.T).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("base", "side"), [(tower_of("transformer"), None), (packaged_tower(), 160)])
def test_it_exports(base: Tower, side: int | None, tmp_path: Path) -> None:
    tower = beside_frozen(base, trained(base, 2, side), 2)
    export_module(tower.build(), base.preprocessing.size, tmp_path / "both.onnx")
    assert check_agreement(tower.build(), base.preprocessing.size, tmp_path / "both.onnx").cosine > 0.99999


def test_an_image_in_which_one_of_them_sees_nothing_has_a_direction_there() -> None:
    class Blind(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 0.0 * images.flatten(1)

    with torch.inference_mode():
        found = BesideFrozen(nn.Identity(), Blind())(torch.randn(2, 3, 2, 2))
    np.testing.assert_allclose(found.numpy(), np.tile(directed(np.zeros((2, 12), np.float32)), 2), rtol=1e-6)


@pytest.mark.parametrize("trunk", [{"family": "unheard of"}, {"family": beside.FAMILY, "blocks": 1, "trunk": {}}])
def test_it_stands_on_families_that_are_known_and_no_pairs(trunk: dict[str, object], tmp_path: Path) -> None:
    base = tower_of("transformer")
    tower = beside_frozen(base, trained(base, 1), 1)
    directory = saved(tmp_path, tower)
    altered = replace(tower, architecture={**tower.architecture, "trunk": trunk})
    text = adapted_description(altered, IDENTITY, lineage_of(), name=f"{KEY}/2", version="2")
    assert json.loads(text)["trunk"]["architecture"]["trunk"] == trunk
    (directory / "encoder.json").write_text(text, encoding="utf-8")
    with pytest.raises(StoreCorruptError, match=r"family 'unheard of'|can't stand beside"):
        load_encoder(f"{KEY}/2", store=tmp_path, device="cpu", runtime="torch")
