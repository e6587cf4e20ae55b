"""Small trunks with real weights, calibrations and lineages, for tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoders import open_clip_tower
from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Centring, Normalise
from encoders.lineage import Lineage, Parent
from encoders.preprocess import Preprocessing
from encoders.state_digest import state_digest
from encoders.tower import Tower

KEY = "0123456789abcdef" * 2
DIM = 24
ARCHITECTURE: dict[str, Any] = {
    "family": open_clip_tower.FAMILY,
    "embed_dim": DIM,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8},
    "quick_gelu": False,
}
PREPROCESSING = Preprocessing(32, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def tiny_tower(seed: int = 0) -> Tower:
    """A transformer of one layer: thousands of weights, milliseconds to build."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = open_clip_tower.build_module(ARCHITECTURE)
    return Tower(ARCHITECTURE, PREPROCESSING, "tower", DIM, state_digest(module.state_dict()), lambda: module)


def calibration_of(seed: int = 0, dim: int = DIM, out: int = 8) -> Calibration:
    """Centring by two domains, and a projection behind it."""
    draw = np.random.default_rng(seed).standard_normal
    centring = Centring(("photo é", "sketch"), (0.1 * draw((2, dim))).astype(np.float32))
    affine = Affine(draw((dim, out)).astype(np.float32), (0.1 * draw(out)).astype(np.float32))
    return Calibration((centring, Normalise(), affine))


def lineage_of(**changes: Any) -> Lineage:
    fields: dict[str, Any] = {
        "parent": Parent("efficientnet-lite0", "1", "ab" * 32),
        "pool": KEY,
        "snapshot": 17,
        "depth": "head",
        "objective": "cci",
        "options": {"temperature": 0.1, "positives": "same_class"},
        "metrics": {"accuracy": {"frozen": 0.62, "adapted": 0.74}, "domains": ["a", "b"]},
        "code_version": "0.1.0",
        "created_at": datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    }
    return Lineage(**{**fields, **changes})


def files_of(directory: Path) -> set[str]:
    """What a saved encoder consists of; the lock isn't part of it."""
    return {path.name for path in directory.iterdir()} - {".lock"}
