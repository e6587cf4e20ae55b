"""A small pool with a domain shift, and a small real encoder that can be fine-tuned: what adaptations are tested on."""

from __future__ import annotations

import base64
import io
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

__all__ = ["DOMAINS", "LABELS", "draw", "draw_folder", "save_tiny_encoder", "uri_of"]

DOMAINS, LABELS = ["dusk", "glare", "noon"], ["blue", "green", "red"]
_SIDE = 32
_BRIGHTNESS = {"dusk": (30, 110), "glare": (140, 220), "noon": (80, 170)}
_TINGE = {"blue": (-0.5, -0.5, 1.0), "green": (-0.5, 1.0, -0.5), "red": (1.0, -0.5, -0.5)}
_ARCHITECTURE: dict[str, Any] = {
    "family": open_clip_tower.FAMILY,
    "embed_dim": 32,
    "vision_cfg": {"image_size": _SIDE, "layers": 3, "width": 32, "patch_size": 8, "head_width": 16},
    "quick_gelu": False,
}


def draw(domain: str, label: str, number: int, *, shifted: bool = True) -> Image.Image:
    """A sheet with a tinge of the label's colour, as brightly lit as it happens in the domain.

    Brightness tells images apart ten times as loudly as the tinge does: the nearest of a sheet are those in its light.

    Args:
        domain: Says between what bounds the brightness is drawn.
        label: Says the tinge.
        number: Of the image, for what is drawn.
        shifted: Otherwise all are in one light, in strong colours, and any encoder finds the right ones.
    """
    rng = np.random.default_rng([DOMAINS.index(domain), LABELS.index(label), number])
    light, strength = (rng.uniform(*_BRIGHTNESS[domain]), 20) if shifted else (120, 90)
    pixels = light + strength * np.array(_TINGE[label]) + rng.normal(0, 3, (_SIDE, _SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_folder(root: Path, *, each: int = 4, shifted: bool = True, first: int = 0) -> Path:
    """``root/<domain>/<label>/<n>.png``, of three domains and three labels; `each` of both, numbered from `first`."""
    for domain in DOMAINS:
        for label in LABELS:
            (root / domain / label).mkdir(parents=True, exist_ok=True)
            for number in range(first, first + each):
                draw(domain, label, number, shifted=shifted).save(root / domain / label / f"{number}.png")
    return root


def uri_of(image: Image.Image) -> str:
    """An image as a PNG file, inlined."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def save_tiny_encoder(directory: Path, seed: int = 5) -> str:
    """A transformer of three layers with random weights, milliseconds an image; its name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
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
