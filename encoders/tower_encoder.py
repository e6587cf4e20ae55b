"""A tower that is in memory, as an encoder: what a training has made, before it is stored anywhere."""

from __future__ import annotations

from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.encoder import EncoderIdentity
from encoders.fingerprint import calibrated_fingerprint
from encoders.image_encoder import ImageEncoder
from encoders.tower import Tower

__all__ = ["tower_encoder"]


def tower_encoder(tower: Tower, name: str, *, calibration: Calibration = IDENTITY, device: str = "cpu") -> ImageEncoder:
    """The encoder that a tower is, run by torch in float32.

    Args:
        tower: With its weights.
        name: To go by.
        calibration: Behind the trunk.
        device: ``cpu`` or ``cuda:<number>``.
    """
    from encoders.runtime.torch_runtime import TorchRuntime  # brings torch, which takes seconds

    running = TorchRuntime(tower.build(), device=device)
    trunk = tower.fingerprint(running.precision)
    identity = EncoderIdentity(
        name=name,
        version="1",
        fingerprint=calibrated_fingerprint(trunk, calibration.digest()),
        dim=calibration.dim(tower.dim),
        trunk=trunk,
        trunk_dim=tower.dim,
        image_size=tower.preprocessing.size,
        runtime=running.name,
        device=running.device,
        precision=running.precision,
    )
    return ImageEncoder(identity, tower.preprocessing, running, calibration)
