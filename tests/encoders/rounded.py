"""A small int8 encoder, and pictures to make one with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from encoders import open_clip_tower
from encoders.quantisation.making import Labelled
from encoders.state_digest import state_digest
from encoders.store import save_encoder
from encoders.tower import Tower
from tests.encoders.adapted import PREPROCESSING, tiny_tower

RESNET: dict[str, Any] = {
    "family": open_clip_tower.FAMILY,
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
    "quick_gelu": False,
}
COLOURS = {"red": (200, 40, 30), "green": (30, 180, 60), "blue": (40, 60, 220)}


def tiny_resnet() -> Tower:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = open_clip_tower.build_module(RESNET)
    return Tower(RESNET, PREPROCESSING, "tower", 24, state_digest(module.state_dict()), lambda: module)


def save_float32(directory: Path, kind: str) -> Path:
    """A tower of convolutions (``static``) or a transformer (``dynamic``), as a directory."""
    save_encoder(directory, tiny_resnet() if kind == "static" else tiny_tower(), name="mine")
    return directory


def pictures(number: int, seed: int = 0) -> Iterator[Labelled]:
    """Noisy pictures of three colours, dark and bright ones, two of each patient."""
    random = np.random.default_rng(seed)
    for place in range(number):
        label = list(COLOURS)[place % 3]
        domain = ("dark", "bright")[place // 3 % 2]
        light = {"dark": 0.4, "bright": 1.0}[domain]
        pixels = light * np.array(COLOURS[label]) + random.normal(0, 40, (40, 48, 3))
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        yield Labelled(image, label, domain, f"patient {place // 12}-{place % 6}")
