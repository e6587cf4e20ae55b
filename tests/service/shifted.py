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

DOMAINS, LABELS = ["ink", "neon", "rust"], ["bars", "disc", "steps"]
_SIDE = 32
_COLOURS = {
    "ink": ((245, 240, 230), (20, 20, 60)),
    "neon": ((10, 5, 30), (60, 250, 190)),
    "rust": ((150, 80, 40), (230, 190, 140)),
    "new": ((90, 120, 90), (20, 60, 30)),
}
_ARCHITECTURE: dict[str, Any] = {
    "family": open_clip_tower.FAMILY,
    "embed_dim": 32,
    "vision_cfg": {"image_size": _SIDE, "layers": 3, "width": 32, "patch_size": 8, "head_width": 16},
    "quick_gelu": False,
}


def draw(domain: str, label: str, number: int) -> Image.Image:
    """A shape, which is its label, in the colours of its domain: in pixels, domains are further apart than labels."""
    rng = np.random.default_rng([DOMAINS.index(domain) if domain in DOMAINS else 9, LABELS.index(label), number])
    y, x = np.mgrid[:_SIDE, :_SIDE]
    shift = rng.integers(-4, 5, 2)
    shape = {
        "bars": (x + shift[0]) // 4 % 2 == 0,
        "disc": (x - 16 - shift[0]) ** 2 + (y - 16 - shift[1]) ** 2 < 90,
        "steps": (y + shift[1]) // 4 % 2 == 0,
    }[label]
    paper, pen = (np.array(colour) for colour in _COLOURS[domain])
    pixels = np.where(shape[..., None], pen, paper) + rng.normal(0, 18, (_SIDE, _SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_folder(root: Path, each: int = 5, *, domains: list[str] = DOMAINS, labels: list[str] = LABELS) -> Path:
    """``root/<domain>/<label>/<n>.png``."""
    for domain in domains:
        for label in labels:
            (root / domain / label).mkdir(parents=True)
            for number in range(each):
                draw(domain, label, number).save(root / domain / label / f"{number}.png")
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
