"""A small pool with a domain shift, and a small real encoder that can be fine-tuned: what adaptations are tested on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from encoders import open_clip_tower
from encoders.preprocess import Preprocessing
from encoders.state_digest import state_digest
from encoders.store import save_encoder
from encoders.tower import Tower

__all__ = ["DOMAINS", "LABELS", "draw", "draw_folder", "save_tiny_encoder"]

DOMAINS, LABELS = ["ink", "neon", "rust"], ["disc", "left", "top"]
_SIDE = 32
_TINTS = {"ink": (150, 150, 190), "neon": (60, 140, 110), "rust": (170, 110, 70), "new": (110, 90, 150)}
_ARCHITECTURE: dict[str, Any] = {
    "family": open_clip_tower.FAMILY,
    "embed_dim": 32,
    "vision_cfg": {"image_size": _SIDE, "layers": 3, "width": 32, "patch_size": 8, "head_width": 16},
    "quick_gelu": False,
}


def draw(domain: str, label: str, number: int, *, shifted: bool = True) -> Image.Image:
    """A light shape on a ground of the domain's colour; domains lie further apart than labels.

    Args:
        domain: Says the colour.
        label: Says the shape.
        number: Of the image, for its noise.
        shifted: Otherwise all domains look alike, and labels are told apart by anyone.
    """
    rng = np.random.default_rng([list(_TINTS).index(domain), LABELS.index(label), number])
    y, x = np.mgrid[:_SIDE, :_SIDE]
    moved = rng.integers(-3, 4)
    shapes = {
        "disc": (x - 16) ** 2 + (y - 16) ** 2 < 100 + 10 * moved,
        "left": x < 16 + moved,
        "top": y < 16 + moved,
    }
    light, noise = (30, 20) if shifted else (110, 2)
    ground = np.array(_TINTS[domain] if shifted else (128, 128, 128))
    pixels = ground + np.where(shapes[label][..., None], light, -light) + rng.normal(0, noise, (_SIDE, _SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_folder(root: Path, *, each: int = 5, shifted: bool = True) -> Path:
    """``root/<domain>/<label>/<n>.png``, forty-five images of three domains and three labels."""
    for domain in DOMAINS:
        for label in LABELS:
            (root / domain / label).mkdir(parents=True)
            for number in range(each):
                draw(domain, label, number, shifted=shifted).save(root / domain / label / f"{number}.png")
    return root


def save_tiny_encoder(directory: Path) -> str:
    """A transformer of three layers with random weights, milliseconds an image; its name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = open_clip_tower.build_module(_ARCHITECTURE)
    tower = Tower(
        _ARCHITECTURE,
        Preprocessing(_SIDE, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        "tower",
        32,
        state_digest(module.state_dict()),
        lambda: module,
    )
    save_encoder(directory, tower, name="tiny")
    return str(directory.resolve())
