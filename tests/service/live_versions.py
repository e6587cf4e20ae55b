"""Encoder versions for the tests of what is written into adapted pools: 2 shares the trunk of 1, 3 has its own."""

from __future__ import annotations

import numpy as np

from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Centring
from encoders.decode import DecodeLimits, decode
from encoders.encoder import Encoder
from index.pool import Pool
from index.recoding import recode_by
from tests.fakes.pixel_encoder import PixelEncoder

LIMITS = DecodeLimits()


def calibration(seed: int) -> Calibration:
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((2, 16)).astype(np.float32) / 8
    weight = generator.standard_normal((16, 5)).astype(np.float32)
    return Calibration((Centring(("d0", "d1"), centres), Affine(weight, np.zeros(5, np.float32))))


ENCODERS: dict[str, PixelEncoder] = {
    "1": PixelEncoder(),
    "2": PixelEncoder(calibration=calibration(2), version="2"),
    "3": PixelEncoder(seed=3, calibration=calibration(3), version="3"),
}


def load(name: str, **_: object) -> Encoder:
    """``<pool key>/<number>`` for an adapted one; anything else is what pools are made with."""
    _, _, number = name.partition("/")
    return ENCODERS[number or "1"]


def adapt(pool: Pool, *numbers: int) -> None:
    """Add versions 2 and 3, and let these serve in turn."""
    for number in (2, 3):
        if all(each.number != number for each in pool.versions()):
            identity = ENCODERS[str(number)].identity
            pool.add_version(
                encoder=f"{pool.key}/{number}",
                fingerprint=identity.fingerprint,
                dim=identity.dim,
                looks_at_domains=True,
                lineage={},
            )
    for number in numbers:
        pool.switch(number, recode_by(ENCODERS[str(number)], pool.fingerprint, LIMITS))


def check(pool: Pool) -> None:
    """Each live version has the vectors that its encoder makes of what is stored."""
    together = pool.snapshots()
    snapshots = [together.frozen] if together.adapted is None else [together.frozen, together.adapted]
    assert sum(each.alive.sum() for each in snapshots) == len(snapshots) * pool.summary().demonstrations
    for snapshot in snapshots:
        for position in np.flatnonzero(snapshot.alive).tolist():
            stored = snapshot.demonstration(position)
            image = decode(pool.image(stored.id).content)
            wanted = ENCODERS[str(snapshot.number)].encode([image], [stored.domain])[0]
            np.testing.assert_allclose(snapshot.vectors(np.array([position]))[0], wanted, atol=1e-6)
